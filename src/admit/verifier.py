"""Verifier: admits with public keys and the revocation log of an authority elsewhere, and no store of its own."""

from __future__ import annotations

import asyncio
import math
import os
import ssl
import weakref
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict
from types import TracebackType
from typing import Any, Literal, NamedTuple, Self, get_args

import msgspec

from admit import system
from admit.afar import FromAfar, LookedUp, Tokens, marks_of_cookie, marks_of_key
from admit.asking import Asking
from admit.core import jwt, lease, origin, verdict
from admit.core.address import NO_PROXIES, TrustedProxies
from admit.core.ages import EDGES
from admit.core.cookie import CookieRule
from admit.core.faults import Faults
from admit.core.lease import Bounded, Moment
from admit.core.presented import API_KEY, BEARER, COOKIE, DOORS, counted
from admit.core.principal import Principal
from admit.core.request import Request
from admit.core.tally import total
from admit.core.world import Chance, Clock
from admit.errors import AdmitError, Denied, Expired, Stale, StoreUnavailable
from admit.follow import Follower
from admit.gate import Gate
from admit.known import Known
from admit.remote import Introspection
from admit.sync import LoopThread, Sync
from admit.uses import Uses, for_itself
from admit.watch import over_within

Outage = Literal["ask", "closed"]
"""What happens while it cannot be proven that nothing has ended: the authority is asked, or nobody is let in."""


Mode = Literal["fresh", "asking", "closed"]
"""What a verifier does now: accepts by what it knows, or else what its policy says."""


LOOK_EVERY = 0.01
"""Seconds between two looks at whether the log was seen, for those who wait for that."""


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """What a verifier knows: ``staleness`` (seconds, infinite before the first time), revocations held, keys by id.

    ``fresh`` is whether credentials are accepted now by what is known here, ``mode`` what is done otherwise, ``left``
    for how many seconds it stays so without news; ``error`` says what went wrong last while it does. ``polls`` is how
    often the log was asked for, ``restarts`` how often it had to be read from its beginning. ``answers`` counts credentials, kind by kind, by what it took, at all
    routes; ``ages`` those accepted, by the upper end (seconds) of how old what was known was at that moment.
    """

    fresh: bool
    mode: Mode
    staleness: float
    left: float
    entries: int
    polls: int
    restarts: int
    keys: tuple[str, ...]
    error: str | None
    answers: Mapping[str, Mapping[str, int]]
    ages: Mapping[float, int]


class _Shared(NamedTuple):
    """What all doors of a verifier have in common."""

    origin: str
    trusted_origins: frozenset[str]
    cookies: CookieRule
    clock: Clock
    known: Known
    kinds: Mapping[str, FromAfar]
    uses: Uses
    loop: LoopThread


class RouteDoor:
    """The door of a verifier for some of its routes, made by :meth:`Verifier.within`: a bound and a policy of their own.

    What is known, remembered and followed is the verifier's.
    """

    notes = False

    def __init__(self, shared: _Shared, gate: Gate, bounded: Bounded, outage: Outage) -> None:
        self.origin = shared.origin
        self.cookies = shared.cookies
        self.clock = shared.clock
        self.sync: Any = Sync(self, shared.loop.loop)
        self.verify = gate.verify
        self.seen = gate.seen
        self.left = shared.uses.left
        self._shared = shared
        self._gate = gate
        self.bounded = bounded
        self._asks = outage == "ask"

    def _presented(self, request: Request, accept: Collection[str]) -> tuple[str, str]:
        """The door and the text of the credential of ``request`` that counts here. Raises NoCredential, BadCredential."""
        taken = [kind for kind in accept if kind in self._shared.kinds]
        return counted(request, taken, cookies=self.cookies, tallies=self._gate.tallies)

    async def admit(self, request: Request, *, accept: Collection[str] = DOORS) -> Principal:
        """Whom ``request`` speaks for; see :meth:`Verifier.admit`. Raises Denied, Stale."""
        follower = self._shared.known.follower
        door, text = self._presented(request, accept)
        if door == COOKIE:
            origin.refuse_cross_origin(request, self.origin, self._shared.trusted_origins)
        if not follower.wait(0):
            follower.start()
            await _seen_once(follower, self.bounded.bound)
        try:
            who = await self._found(text, door)
            await self._shared.uses.judge(who, request)
        except AdmitError as error:
            self._gate.tallies[door].failed(error)
            raise
        return who

    async def _found(self, text: str, door: str) -> Principal:
        try:
            return await self._gate.find(text, door)
        except Stale:
            if not self._asks:
                raise
        return await self._vouched(text, door)

    async def _vouched(self, text: str, door: str) -> Principal:
        """Whom ``text`` speaks for by the word of the authority, and by what is known here beside. Raises Denied, Stale."""
        try:
            seen, sent = await self._shared.kinds[door].vouched(text)
        except Denied as denied:
            self._gate.refuse(text, door, denied)
            raise
        age = Moment.of(self.clock).since(sent)
        if age > self.bounded.bound:
            raise Stale(f"the answer about it took {age:.3f} s")
        try:
            verdict.judge(seen, self._shared.known.copy, self.clock.now())
        except (Expired, verdict.Outdated) as passed:
            if not self._shared.kinds[door].looked_up:
                raise
            # It is the answer that is past its use: another one may be as good as this was.
            raise Stale(f"what was said of it cannot be used any more: {passed}") from passed
        self._gate.tallies[door].looked_up += 1
        self.bounded.ages.vouched(age)
        return self._gate.watched(seen, door)


class Verifier:
    """Admits what the authority ``issuer`` issued for ``audience``, without asking it.

    ``key`` is a verifier key. Whatever the authority has ended is refused here at most ``max_staleness`` seconds
    later. When that cannot be proven any more, the authority is asked about each credential; where there is no
    answer, or with ``outage="closed"``, nothing is accepted (Stale, 503). The authority may allow a smaller
    ``max_staleness``, and then that counts. ``leeway`` is what clocks may differ by (seconds), ``tls`` how the
    authority's certificate is checked. ``accept`` names the doors whose credentials count here at all: tokens, and
    API keys and cookies too where programs and browsers send this service those of the authority, for whose audience it
    has to be. ``proxies`` are those whose word counts about where an API key is used from.
    A cookie counts for no request that changes state and that a browser sent for an origin other than the audience's,
    if that is a URL, else the issuer's, or one of ``trusted_origins``.

    Nothing is connected here: the first use does that, or ``with``. Raises ConfigError with every fault at once.
    """

    notes = False

    def __init__(
        self,
        issuer: str,
        *,
        audience: str,
        key: str,
        max_staleness: float = lease.MAX_STALENESS,
        outage: Outage = "ask",
        accept: Collection[str] = (BEARER,),
        trusted_origins: Collection[str] = (),
        proxies: TrustedProxies = NO_PROXIES,
        leeway: float = 5.0,
        tls: ssl.SSLContext | None = None,
        clock: Clock | None = None,
        chance: Chance = system.chance,
    ) -> None:
        trusted = _judge(issuer, audience, key, max_staleness, outage, accept, trusted_origins)
        self.clock = clock or system.SystemClock()
        self.origin = _origin_or(audience, issuer)
        self.cookies = CookieRule(secure=issuer.startswith("https:"))
        self._max_staleness = max_staleness
        self._outage: Outage = outage
        self._known = known = Known(issuer, key, tls, self.clock, chance, max_staleness)
        self._asking = Asking(known.keys.ask, self.clock, max_staleness / 2)
        rules = jwt.Rules(issuer=issuer, audience=audience, leeway=leeway)
        kinds = _kinds(known, self._asking, rules, self.clock, accept)
        self._bounded = known.within(max_staleness)
        self._gate = Gate(kinds, known.copy, self.clock, tallies=self._bounded.ages.tallies)
        known.keys.forget = self._gate.forget
        loop = LoopThread()
        self.sync: Any = Sync(self, loop.loop)  # for programs without an event loop: each call waited for
        uses = Uses(proxies, self.clock, for_itself, 1.0)
        self._shared = _Shared(self.origin, trusted, self.cookies, self.clock, known, kinds, uses, loop)
        self._gate.open(self._bounded)
        self._door = RouteDoor(self._shared, self._gate, self._bounded, outage)
        self._doors = {(max_staleness, outage): self._door}
        self.seen, self.verify, self.left = self._gate.seen, self._gate.verify, uses.left
        begin_anew = weakref.WeakMethod(self._begin_anew)
        os.register_at_fork(after_in_child=lambda: _call(begin_anew()))

    async def admit(self, request: Request, *, accept: Collection[str] = DOORS) -> Principal:
        """Whom ``request`` speaks for, by the credential that counts among those of the doors ``accept``.

        Waits for the first sight of the log, at most ``max_staleness`` seconds. Raises Denied, Stale.
        """
        return await self._door.admit(request, accept=accept)

    def within(self, max_staleness: float | None = None, *, outage: Outage | None = None) -> RouteDoor:
        """This verifier for routes where ``max_staleness`` is smaller (seconds), or ``outage`` another one.

        It costs nothing to ask for the same again. Raises ConfigError.
        """
        seconds = self._max_staleness if max_staleness is None else max_staleness
        policy = self._outage if outage is None else outage
        faults = Faults()
        faults.of(lease.bound, seconds)
        faults.of(_policy, policy)
        if not faults.found and seconds > self._max_staleness:
            # What is followed, and how often, was promised to keep the bound of the verifier.
            faults.found.append(
                f"A route may ask for less than the verifier's {self._max_staleness:g} s; {seconds:g} s is more."
            )
        faults.report()
        door = self._doors.get((seconds, policy))
        if door is None:
            bounded = self._known.within(seconds)
            made = RouteDoor(self._shared, self._gate.beside(bounded, bounded.ages.tallies), bounded, policy)
            door = self._doors.setdefault((seconds, policy), made)
        return door

    async def over(self, who: Principal, *, within: float) -> bool:
        """Whether ``who``, whom this admitted, has ended: known as soon as that is so, after ``within`` seconds at most.

        For what stays open in a program without an event loop: ``sync.over(who, within=15)``.
        """
        return await over_within(who, within)

    def status(self) -> Status:
        """What is known at this moment."""
        known = self._known
        age, error = known.lease.age, known.follower.last_error
        fresh = age <= self._bounded.bound
        counted = [ages.counted() for ages in known.ages]
        tallies = [ages.tallies for ages in known.ages]
        return Status(
            fresh=fresh,
            mode="fresh" if fresh else "asking" if self._outage == "ask" else "closed",
            staleness=age,
            left=max(0.0, self._bounded.bound - age),
            entries=len(known.copy),
            polls=known.follower.polls,
            restarts=known.follower.restarts,
            keys=tuple(known.keys.verifying),
            error=None if error is None else f"{error.code}: {error}",
            answers={door: asdict(total(one[door] for one in tallies)) for door in DOORS},
            ages=dict(zip(EDGES, map(sum, zip(*counted, strict=True)), strict=False)),
        )

    def open(self, within: float = 10.0) -> None:
        """Follow the log, and return once its end was seen. Raises StoreUnavailable when that takes longer."""
        follower = self._known.follower
        follower.start()
        if not follower.wait(within):
            raise StoreUnavailable(f"the log was not seen within {within:g} s: {follower.last_error}")

    def close(self) -> None:
        """Stop following; nothing is accepted any more a moment later. The next use begins again."""
        self._known.follower.stop()

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _begin_anew(self) -> None:
        self._known.begin_anew()
        self._asking.begin_anew()


async def _seen_once(follower: Follower, within: float) -> None:
    """Return when the end of the log was seen, or ``within`` seconds later.

    In a thread for each, those who wait would take the application's threads from it.
    """
    for _ in range(math.ceil(within / LOOK_EVERY)):
        if follower.wait(0):
            return
        await asyncio.sleep(LOOK_EVERY)


def _kinds(
    known: Known, asking: Asking[Introspection], rules: jwt.Rules, clock: Clock, accept: Collection[str]
) -> dict[str, FromAfar]:
    """What is taken at the doors that ``accept`` names."""
    kinds: dict[str, FromAfar] = {
        BEARER: Tokens(known.keys, rules, asking, known.copy, clock, known.follower.start),
        COOKIE: LookedUp(asking, known.copy, clock, marks_of_cookie),
        API_KEY: LookedUp(asking, known.copy, clock, marks_of_key),
    }
    return {door: kind for door, kind in kinds.items() if door in accept}


def _judge(
    issuer: str,
    audience: str,
    key: str,
    max_staleness: float,
    outage: str,
    accept: Collection[str],
    trusted_origins: Collection[str],
) -> frozenset[str]:
    """The origins trusted, if a verifier can be made of these. Raises ConfigError with all that is wrong."""
    faults = Faults()
    faults.of(origin.issuer, issuer)
    faults.of(origin.audience, audience)
    if not key.startswith("adm_v_"):
        faults.found.append("The key of a verifier begins with “adm_v_”; make one with “admit verifiers create”.")
    faults.of(lease.bound, max_staleness)
    faults.of(_policy, outage)
    if isinstance(accept, str) or not accept or not set(accept) <= set(DOORS):
        faults.found.append(
            f"A verifier that accepts {accept!r} lets nobody in; write a list of one or more of {DOORS}."
        )
    if isinstance(trusted_origins, str):
        faults.found.append(f"trusted_origins is one text; write a list: [{trusted_origins!r}].")
        trusted_origins = ()
    trusted = frozenset(faults.of(origin.configured_origin, one) for one in trusted_origins)
    faults.report()
    return trusted


def _policy(outage: str) -> None:
    """Return if ``outage`` is one. Raises ValueError: a policy that is misspelt must not be read as another."""
    if outage not in get_args(Outage):
        raise ValueError(f"outage is {outage!r}; write one of {get_args(Outage)}.")


def _origin_or(audience: str, issuer: str) -> str:
    try:
        return origin.origin_of(audience)
    except ValueError:
        return origin.origin_of(issuer)


def _call(method: Callable[[], None] | None) -> None:
    if method is not None:
        method()
