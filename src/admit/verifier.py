"""Verifier: admits with public keys and the revocation log of an authority elsewhere, and no store of its own."""

from __future__ import annotations

import asyncio
import os
import ssl
import threading
import weakref
from collections.abc import Callable, Collection, Iterator, Mapping
from types import TracebackType
from typing import Any, Literal, Self, get_args

import msgspec

from admit import system
from admit.asking import Asking
from admit.core import jwt, lease, origin, verdict
from admit.core.cookie import CookieRule
from admit.core.faults import Faults
from admit.core.jose import UnknownKey
from admit.core.jwk import VerifyingKey
from admit.core.lease import Bounded, Lease, Moment
from admit.core.log import Copy, Ended
from admit.core.presented import BEARER, presented
from admit.core.principal import Ends, Principal
from admit.core.request import Request
from admit.core.store import Cursor, Page
from admit.core.verdict import Seen
from admit.core.world import Chance, Clock
from admit.errors import AdmitError, LookUpNeeded, Revoked, Stale, StoreUnavailable
from admit.follow import Follower
from admit.gate import Gate
from admit.remote import Metadata, Remote
from admit.sync import Sync

KEYS_LAST = 300.0
"""Seconds after which the published keys are read again."""

KEYS_AGAIN = 5.0
"""Seconds between two reads of the keys, whoever asks for them: garbage that names unknown keys costs no more."""


Outage = Literal["ask", "closed"]
"""What happens while it cannot be proven that nothing has ended: the authority is asked, or nobody is let in."""


class Status(msgspec.Struct, frozen=True):
    """What a verifier knows: ``staleness`` (seconds, infinite before the first time), revocations held, keys by id.

    ``fresh`` is whether credentials are accepted now; ``error`` says what went wrong last while it does.
    """

    fresh: bool
    staleness: float
    entries: int
    keys: tuple[str, ...]
    error: str | None


class Verifier:
    """Admits what the authority ``issuer`` issued for ``audience``, without asking it.

    ``key`` is a verifier key. Whatever the authority has ended is refused here at most ``max_staleness`` seconds
    later. When that cannot be proven any more, the authority is asked about each credential; where there is no
    answer, or with ``outage="closed"``, nothing is accepted (Stale, 503). The authority may allow a smaller
    ``max_staleness``, and then that counts. ``leeway`` is what clocks may differ by (seconds), ``tls`` how the
    authority's certificate is checked.

    Nothing is connected here: the first use does that, or ``with``. Raises ConfigError with every fault at once.
    """

    def __init__(
        self,
        issuer: str,
        *,
        audience: str,
        key: str,
        max_staleness: float = lease.MAX_STALENESS,
        outage: Outage = "ask",
        leeway: float = 5.0,
        tls: ssl.SSLContext | None = None,
        clock: Clock | None = None,
        chance: Chance = system.chance,
    ) -> None:
        _judge(issuer, audience, key, max_staleness, outage)
        self.clock = clock or system.SystemClock()
        self.origin = _origin_or(audience, issuer)
        self.cookies = CookieRule(secure=issuer.startswith("https:"))
        self._copy = Copy()
        self._lease = Lease(self.clock)
        self._bounded = Bounded(self._lease, self.clock, max_staleness, self._follow)
        self._keys = _Published(issuer, key, tls, self.clock, self._bounded, self._copy)
        self._tokens = _Tokens(self._keys, jwt.Rules(issuer=issuer, audience=audience, leeway=leeway), self._follow)
        self._asking = Asking(self._keys.ask, self.clock, max_staleness / 2) if outage == "ask" else None
        self._gate = Gate({BEARER: self._tokens}, self._copy, self.clock)
        self._keys.forget = self._gate.forget
        self._gate.open(self._bounded)
        self._follower = Follower(self._keys, self._copy, self._lease, self.clock, chance, bound=max_staleness)
        self.sync: Any = Sync(self)  # for programs without an event loop: each call waited for
        self.seen = self._gate.seen
        self.verify = self._gate.verify
        begin_anew = weakref.WeakMethod(self._begin_anew)
        os.register_at_fork(after_in_child=lambda: _call(begin_anew()))

    async def admit(self, request: Request, *, accept: Collection[str] = (BEARER,)) -> Principal:
        """Whom ``request`` speaks for. Waits for the first sight of the log, at most ``max_staleness`` seconds.

        Raises Denied, Stale.
        """
        door, text = presented(request, [kind for kind in accept if kind == BEARER], self.cookies)
        if not self._follower.wait(0):
            self._follower.start()
            await asyncio.to_thread(self._follower.wait, self._bounded.bound)
        try:
            return await self._gate.admit(text, door)
        except Stale:
            if self._asking is None:
                raise
            return await self._vouched(text, self._asking)

    async def _vouched(self, text: str, asking: Asking) -> Principal:
        """Whom ``text`` speaks for by the word of the authority, and by what is known here beside. Raises Denied, Stale."""
        seen = self._tokens.verify(text, self.clock.now())
        try:
            sent = await asking.vouched(text)
        except Revoked:
            # P4: an answer of the log that was sent before this one, and comes later, must not bring it back.
            ended = Ended(Ends.TOKEN, seen.principal.marks[Ends.TOKEN])
            self._copy.apply(ended, self.clock.now(), self.clock.lease())
            raise
        age = Moment.of(self.clock).since(sent)
        if age > self._bounded.bound:
            raise Stale(f"the answer about it took {age:.3f} s")
        verdict.judge(seen, self._copy, self.clock.now())
        return self._gate.watched(seen, BEARER)

    def status(self) -> Status:
        """What is known at this moment."""
        age, error = self._lease.age, self._follower.last_error
        return Status(
            fresh=age <= self._bounded.bound,
            staleness=age,
            entries=len(self._copy),
            keys=tuple(self._keys.verifying),
            error=None if error is None else f"{error.code}: {error}",
        )

    def _follow(self) -> None:
        self._follower.start()

    def _begin_anew(self) -> None:
        """Go on in a forked child: without the parent's threads, connections, and the locks that they may hold."""
        self._keys.begin_anew()
        if self._asking is not None:
            self._asking.begin_anew()
        self._follower.begin_anew()

    def open(self, within: float = 10.0) -> None:
        """Follow the log, and return once its end was seen. Raises StoreUnavailable when that takes longer."""
        self._follower.start()
        if not self._follower.wait(within):
            raise StoreUnavailable(f"the log was not seen within {within:g} s: {self._follower.last_error}")

    def close(self) -> None:
        """Stop following; nothing is accepted any more a moment later. The next use begins again."""
        self._follower.stop()

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Published:
    """What an authority publishes, read as the source of a follower: its description, its keys, its log.

    A read that fails leaves the keys as they are; a key that is not in a set that was read stops working.
    """

    def __init__(
        self, issuer: str, key: str, tls: ssl.SSLContext | None, clock: Clock, bounded: Bounded, copy: Copy
    ) -> None:
        self.verifying: Mapping[str, VerifyingKey] = {}
        self.certain = False
        self.forget: Callable[[], None] = dict[str, str]().clear
        self._following = Remote(issuer, key, tls)
        self._asking = Remote(issuer, key, tls)
        self._one_at_a_time = threading.Lock()
        self._clock = clock
        self._bounded = bounded
        self._copy = copy
        self._revoked = 0
        self._metadata: Metadata | None = None
        self._read_at = float("-inf")
        self._tried_at = float("-inf")

    def read(self, after: Cursor | None, wait: float, probe: str, within: float) -> Iterator[Page]:
        """The log; before it, the keys when they are due."""
        metadata = self._metadata
        if metadata is None:
            metadata = self._metadata = self._following.metadata(within)
            self._bounded.bound = min(self._bounded.bound, metadata.max_staleness)
        revoked = len(self._copy.ended[Ends.KEY])
        # In the place of a key that was revoked another signs at once.
        if self._clock.lease() >= self._read_at + KEYS_LAST or revoked > self._revoked:
            self._keep(self._following.keys(metadata.jwks_uri, within))
            self._revoked = revoked
        yield from self._following.log(metadata.revocations_endpoint, after, wait, probe, within)

    def may_reread(self) -> bool:
        """Whether it is time to read the keys again for one that is not known."""
        return self._clock.lease() >= self._tried_at + KEYS_AGAIN

    def reread(self) -> None:
        """Read the keys again, unless somebody just did. Raises StoreUnavailable."""
        with self._one_at_a_time:
            if not self.may_reread():
                return
            self._tried_at = self._clock.lease()
            try:
                self._keep(self._asking.keys(self._known().jwks_uri, self._bounded.bound))
            except StoreUnavailable:
                self.certain = False
                raise

    def ask(self, token: str) -> bool:
        """Whether the authority takes ``token`` for good at this moment. Raises BadCredential, StoreUnavailable."""
        with self._one_at_a_time:
            return self._asking.ask(self._known().introspection_endpoint, token, self._bounded.bound)

    def begin_anew(self) -> None:
        """Forget who reads or asks: a fork left them behind."""
        self._one_at_a_time = threading.Lock()
        self._following.abandon()
        self._asking.abandon()

    def _known(self) -> Metadata:
        if self._metadata is None:
            raise StoreUnavailable("the authority has not described itself yet")
        return self._metadata

    def close(self) -> None:
        """Let go of the connections."""
        self._following.close()
        self._asking.close()

    def _keep(self, keys: Mapping[str, VerifyingKey]) -> None:
        gone = self.verifying.keys() - keys.keys()
        self.verifying, self.certain = keys, True
        self._read_at = self._clock.lease()
        if gone:  # what they signed was found good before, and is remembered
            self.forget()


class _Tokens:
    """Access tokens as a kind of credential that only the published keys speak for."""

    looked_up = False

    def __init__(self, keys: _Published, rules: jwt.Rules, wanted: Callable[[], None]) -> None:
        self._keys = keys
        self._rules = rules
        self._wanted = wanted

    def verify(self, text: str, now: float) -> Seen:
        """What an access token proves by itself. Raises Denied; LookUpNeeded when it names a key not seen yet."""
        try:
            return jwt.proven(text, self._keys.verifying, self._rules, now)
        except UnknownKey as unknown:
            self._wanted()  # who never looked at the log has no keys either
            if self._keys.may_reread():
                raise LookUpNeeded(str(unknown)) from unknown
            raise self._unless_uncertain(unknown) from unknown

    async def look_up(self, text: str, now: float) -> Seen:
        """What an access token proves, once the keys were read again. Raises Denied, StoreUnavailable."""
        await asyncio.to_thread(self._keys.reread)
        try:
            return jwt.proven(text, self._keys.verifying, self._rules, now)
        except UnknownKey as unknown:
            raise self._unless_uncertain(unknown) from unknown

    def _unless_uncertain(self, unknown: UnknownKey) -> AdmitError:
        """``unknown``, or that it cannot be known: a key that could not be fetched is no reason to sign people out."""
        return unknown if self._keys.certain else Stale(f"the keys could not be read lately; {unknown}")

    async def lasts(self, who: Principal, now: float) -> float:  # noqa: ARG002 - a token has its end written in it
        """When an access token expires (Unix seconds), leeway included."""
        return who.expires_at + self._rules.leeway


def _judge(issuer: str, audience: str, key: str, max_staleness: float, outage: str) -> None:
    """Return if a verifier can be made of these. Raises ConfigError with all that is wrong."""
    faults = Faults()
    faults.of(origin.issuer, issuer)
    faults.of(origin.audience, audience)
    if not key.startswith("adm_v_"):
        faults.found.append("The key of a verifier begins with “adm_v_”; make one with “admit verifiers create”.")
    faults.of(lease.bound, max_staleness)
    if outage not in get_args(Outage):
        # A policy that is misspelt must not be read as another.
        faults.found.append(f"outage is {outage!r}; write one of {get_args(Outage)}.")
    faults.report()


def _origin_or(audience: str, issuer: str) -> str:
    try:
        return origin.origin_of(audience)
    except ValueError:
        return origin.origin_of(issuer)


def _call(method: Callable[[], None] | None) -> None:
    if method is not None:
        method()
