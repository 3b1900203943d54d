"""Verifier: admits with public keys and the revocation log of an authority elsewhere, and no store of its own."""

from __future__ import annotations

import asyncio
import os
import ssl
import threading
import weakref
from collections.abc import Callable, Collection, Iterator, Mapping
from types import TracebackType
from typing import Any, Self

import msgspec

from admit import system
from admit.core import jwt, origin
from admit.core.cookie import CookieRule
from admit.core.faults import Faults, is_number
from admit.core.jose import UnknownKey
from admit.core.jwk import VerifyingKey
from admit.core.lease import Bounded, Lease
from admit.core.log import Copy
from admit.core.presented import BEARER, presented
from admit.core.principal import Principal
from admit.core.request import Request
from admit.core.store import Cursor, Page
from admit.core.verdict import Seen
from admit.core.world import Chance, Clock
from admit.errors import LookUpNeeded, StoreUnavailable
from admit.follow import Follower
from admit.gate import Gate
from admit.remote import Metadata, Remote
from admit.sync import Sync

MAX_STALENESS = 2.0
"""Seconds by which what is known may be old, where nothing else is said."""

KEYS_LAST = 300.0
"""Seconds after which the published keys are read again."""

KEYS_AGAIN = 5.0
"""Seconds between two reads of the keys, whoever asks for them: garbage that names unknown keys costs no more."""


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
    later; when that cannot be proven any more, nothing is accepted (Stale, 503). The authority may allow less
    than what is asked for, and then that counts. ``leeway`` is what clocks may differ by (seconds), ``tls`` how
    the authority's certificate is checked.

    Nothing is connected here: the first use does that, or ``with``. Raises ConfigError with every fault at once.
    """

    def __init__(
        self,
        issuer: str,
        *,
        audience: str,
        key: str,
        max_staleness: float = MAX_STALENESS,
        leeway: float = 5.0,
        tls: ssl.SSLContext | None = None,
        clock: Clock | None = None,
        chance: Chance = system.chance,
    ) -> None:
        faults = Faults()
        faults.of(origin.issuer, issuer)
        faults.of(origin.audience, audience)
        if not key.startswith("adm_v_"):
            faults.found.append("The key of a verifier begins with “adm_v_”; make one with “admit verifiers create”.")
        if not is_number(max_staleness, 0.05, 60):
            faults.found.append(f"max_staleness is {max_staleness!r}; write 0.05 to 60 seconds.")
        faults.report()
        self.clock = clock or system.SystemClock()
        self.origin = _origin_or(audience, issuer)
        self.cookies = CookieRule(secure=issuer.startswith("https:"))
        self._copy = Copy()
        self._lease = Lease(self.clock)
        self._bounded = Bounded(self._lease, self.clock, max_staleness, self._follow)
        self._keys = _Published(issuer, key, tls, self.clock, self._bounded)
        rules = jwt.Rules(issuer=issuer, audience=audience, leeway=leeway)
        self._gate = Gate({BEARER: _Tokens(self._keys, rules)}, self._copy, self.clock)
        self._keys.forget = self._gate.forget
        self._gate.open(self._bounded)
        self._follower = Follower(self._keys, self._copy, self._lease, self.clock, chance, bound=max_staleness)
        self.sync: Any = Sync(self)  # for programs without an event loop: each call waited for
        self.seen = self._gate.seen
        self.verify = self._gate.verify
        begin_anew = weakref.WeakMethod(self._follower.begin_anew)
        os.register_at_fork(after_in_child=lambda: _call(begin_anew()))

    async def admit(self, request: Request, *, accept: Collection[str] = (BEARER,)) -> Principal:
        """Whom ``request`` speaks for. Waits for the first sight of the log, at most ``max_staleness`` seconds.

        Raises Denied, Stale.
        """
        door, text = presented(request, [kind for kind in accept if kind == BEARER], self.cookies)
        if not self._follower.wait(0):
            self._follower.start()
            await asyncio.to_thread(self._follower.wait, self._bounded.bound)
        return await self._gate.admit(text, door)

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

    def __init__(self, issuer: str, key: str, tls: ssl.SSLContext | None, clock: Clock, bounded: Bounded) -> None:
        self.verifying: Mapping[str, VerifyingKey] = {}
        self.forget: Callable[[], None] = dict[str, str]().clear
        self._following = Remote(issuer, key, tls)
        self._asking = Remote(issuer, key, tls)
        self._one_at_a_time = threading.Lock()
        self._clock = clock
        self._bounded = bounded
        self._metadata: Metadata | None = None
        self._read_at = float("-inf")
        self._tried_at = float("-inf")

    def read(self, after: Cursor | None, wait: float, probe: str, within: float) -> Iterator[Page]:
        """The log; before it, the keys when they are due."""
        metadata = self._metadata
        if metadata is None:
            metadata = self._metadata = self._following.metadata(within)
            self._bounded.bound = min(self._bounded.bound, metadata.max_staleness)
        if self._clock.lease() >= self._read_at + KEYS_LAST:
            self._keep(self._following.keys(metadata.jwks_uri, within))
        yield from self._following.log(metadata.revocations_endpoint, after, wait, probe, within)

    def may_reread(self) -> bool:
        """Whether it is time to read the keys again for one that is not known."""
        return self._clock.lease() >= self._tried_at + KEYS_AGAIN

    def reread(self) -> None:
        """Read the keys again, unless somebody just did. Raises StoreUnavailable."""
        with self._one_at_a_time:
            metadata = self._metadata
            if metadata is None or not self.may_reread():
                return
            self._tried_at = self._clock.lease()
            self._keep(self._asking.keys(metadata.jwks_uri, self._bounded.bound))

    def close(self) -> None:
        """Let go of the connections."""
        self._following.close()
        self._asking.close()

    def _keep(self, keys: Mapping[str, VerifyingKey]) -> None:
        gone = self.verifying.keys() - keys.keys()
        self.verifying = keys
        self._read_at = self._clock.lease()
        if gone:  # what they signed was found good before, and is remembered
            self.forget()


class _Tokens:
    """Access tokens as a kind of credential that only the published keys speak for."""

    looked_up = False

    def __init__(self, keys: _Published, rules: jwt.Rules) -> None:
        self._keys = keys
        self._rules = rules

    def verify(self, text: str, now: float) -> Seen:
        """What an access token proves by itself. Raises Denied; LookUpNeeded when it names a key not seen yet."""
        try:
            return jwt.proven(text, self._keys.verifying, self._rules, now)
        except UnknownKey as unknown:
            if self._keys.may_reread():
                raise LookUpNeeded(str(unknown)) from unknown
            raise

    async def look_up(self, text: str, now: float) -> Seen:
        """What an access token proves, once the keys were read again. Raises Denied, StoreUnavailable."""
        await asyncio.to_thread(self._keys.reread)
        return jwt.proven(text, self._keys.verifying, self._rules, now)

    async def lasts(self, who: Principal, now: float) -> float:  # noqa: ARG002 - a token has its end written in it
        """When an access token expires (Unix seconds), leeway included."""
        return who.expires_at + self._rules.leeway


def _origin_or(audience: str, issuer: str) -> str:
    try:
        return origin.origin_of(audience)
    except ValueError:
        return origin.origin_of(issuer)


def _call(method: Callable[[], None] | None) -> None:
    if method is not None:
        method()
