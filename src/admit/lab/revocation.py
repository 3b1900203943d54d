"""How long after an end was acknowledged somebody still gets in, at any application server.

Somebody is signed in, and each application server is asked for him without pause. Then he is ended, and the clock runs
from the moment at which the strategy says that this is done to the last request that came after it and was let in. A
request that had come before may be let in after it: nobody could tell which of the two was first.

Beside him each server is asked for somebody who was signed in before him, is not ended, and is asked for after him. If
he is refused while that one gets in, the end was noticed; if there is no such moment, only his credential expired.

What an end leaves alone on purpose is watched in the same way: for as long as it takes until all that was ended beside
it is refused everywhere, it has to get in.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from bisect import bisect_right
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace

from admit.lab.crew import Crew, closed
from admit.lab.report import Revocation
from admit.lab.strategy import ENDINGS, Ending, Held, Issuer, Plan, Store, Strategy, Unmeasured, for_servers
from admit.lab.watching import Answer, AppServer
from admit.lab.words import duration

ROLES = frozenset({"admin"})
"""What people are before they are ended, or not any more."""

IN_A_ROW = 3
"""Answers of each server that say the same: that he gets in, and at the end that he does not."""

JITTER = 20
"""Milliseconds, at most, that an end comes later than it could: what a server does at intervals must not fall in step."""

MARGIN = 5.0
"""Seconds longer than its lifetime that it is waited for what only its expiry ends."""

LONGER = 3
"""Times that a lifetime is doubled, when people expired before they were ended."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How much is done, and how long it is waited for."""

    servers: int
    repeats: int
    lifetime: float  # seconds, of credentials that only their expiry ends
    pause: float = 0.001  # seconds between two requests for somebody at a server
    look: float = 0.01  # seconds between two looks at what the servers have answered
    settle: float = 0.05  # seconds that nobody gets in until that counts as the end of it
    begin: float = 60.0  # seconds within which whoever has signed in gets in everywhere
    patience: float = 20.0  # seconds until it is given up that the end takes effect


QUICK = Pace(servers=3, repeats=3, lifetime=2.0)
FULL = Pace(servers=10, repeats=10, lifetime=4.0, pause=0.004)


class RefusedBefore(Unmeasured):
    """Somebody was refused before he was ended: it may be that his credential does not live long enough."""


@dataclass(slots=True)
class Watched:
    """Somebody who is going to be ended, and what came of it; times in nanoseconds of the monotonic clock."""

    how: Ending
    held: Held
    spared: bool = False  # whether it is meant to go on
    acknowledged: int = 0
    lag: float = 0.0  # milliseconds from the end to the last time that he got in
    noticed: bool = False  # whether it was the end that ended it
    outlived: bool = False  # whether he still got in when it was given up

    def shown(self, answer: Answer) -> bool:
        """Whether ``answer`` lets in whom it must not any more."""
        return answer.outcome == "in" and (self.how != "role change" or bool(ROLES.intersection(answer.roles)))


@dataclass(slots=True)
class _Seen:
    """What a server has answered for each person until now."""

    answers: dict[int, list[Answer]] = field(default_factory=dict[int, list[Answer]])

    def take(self, answers: Iterable[Answer]) -> None:
        for answer in answers:
            self.answers.setdefault(answer.person, []).append(answer)

    def of(self, person: int) -> list[Answer]:
        return self.answers.get(person, [])


class _Batch:
    """People who are watched at the same servers at the same time, the last of whom is never ended."""

    def __init__(self, servers: Sequence[AppServer], people: Sequence[Watched], control: Held, pace: Pace) -> None:
        self._servers = servers
        self._people = people
        self._control = control
        self._pace = pace
        self._seen = [_Seen() for _ in servers]

    async def run(self, issuer: Issuer) -> None:
        """Watch, end each of them, and watch until nobody gets in. Raises Unmeasured, RefusedBefore."""
        group = [*(one.held.header for one in self._people), self._control.header]
        await asyncio.gather(*(server.watch([group], pause=self._pace.pause) for server in self._servers))
        try:
            await self._until(self._all_in, self._pace.begin)
            for number, one in enumerate(self._people):
                await asyncio.sleep(secrets.randbelow(JITTER) / 1e3)
                await self._look()
                if not all(self._still_in(seen.of(number), one) for seen in self._seen):
                    raise RefusedBefore(f"somebody was refused before the {one.how}")
                await issuer.end(one.how, one.held)
                one.acknowledged = time.monotonic_ns()
            await self._until(self._all_over, self._pace.patience)
        finally:
            rest = await asyncio.gather(*(server.rest() for server in self._servers))
        for seen, answers in zip(self._seen, rest, strict=True):
            seen.take(answers)
        for number, one in enumerate(self._people):
            self._judge(number, one)

    async def _look(self) -> None:
        told = await asyncio.gather(*(server.tell() for server in self._servers))
        for seen, answers in zip(self._seen, told, strict=True):
            seen.take(answers)

    async def _until(self, holds: Callable[[], bool], patience: float) -> None:
        end = time.monotonic() + patience
        while time.monotonic() < end:
            await self._look()
            if holds():
                return
            await asyncio.sleep(self._pace.look)

    def _all_in(self) -> bool:
        return all(
            len(last := seen.of(number)[-IN_A_ROW:]) == IN_A_ROW and all(map(one.shown, last))
            for seen in self._seen
            for number, one in enumerate(self._people)
        )

    @staticmethod
    def _still_in(answers: Sequence[Answer], one: Watched) -> bool:
        """Whether the last answer that told anything let him in."""
        return next((one.shown(answer) for answer in reversed(answers) if _tells(answer)), False)

    def _all_over(self) -> bool:
        return all(
            self._is_over(seen.of(number), one) for seen in self._seen for number, one in enumerate(self._people)
        )

    def _is_over(self, answers: Sequence[Answer], one: Watched) -> bool:
        """Whether the last answers are all to requests after the end, for long enough, and say what is expected."""
        settled = [answer for answer in _last(answers, self._pace.settle) if answer.began > one.acknowledged]
        return len(settled) >= IN_A_ROW and all(
            _tells(answer) and one.shown(answer) == one.spared for answer in settled
        )

    def _judge(self, number: int, one: Watched) -> None:
        last = [[answer.began for answer in seen.of(number) if one.shown(answer)][-1] for seen in self._seen]
        # The last acceptance anywhere; of who is meant to go on, the last one everywhere.
        one.lag = ((min if one.spared else max)(last) - one.acknowledged) / 1e6
        for seen in self._seen:
            one.outlived |= not self._is_over(seen.of(number), one)
            one.noticed |= any(
                his.began > one.acknowledged and _tells(his) and not one.shown(his) and other.outcome == "in"
                for his, other in zip(seen.of(number), seen.of(len(self._people)), strict=False)
            )


def _last(answers: Sequence[Answer], seconds: float) -> Sequence[Answer]:
    """Those of the last ``seconds``, or the few last if these are more."""
    after = answers[-1].began - int(seconds * 1e9) if answers else 0
    first = bisect_right(answers, after, key=lambda answer: answer.began)
    return answers[min(first, max(0, len(answers) - IN_A_ROW)) :]


def _tells(answer: Answer) -> bool:
    return answer.outcome != "unavailable"


async def measured(strategy: Strategy, plan: Plan, store: Store, crew: Crew, pace: Pace) -> tuple[Revocation, ...]:
    """How long each sort of end takes to take effect at servers in ``crew``. Raises StoreError, Unmeasured."""
    about = strategy.about
    people: list[Watched] = []
    lifetime = 0.0
    if about.ends:
        async with _begun(strategy, plan, store, crew, pace.servers) as (issuer, servers):
            for _ in range(pace.repeats):
                people += await _ended(issuer, servers, (*about.spares, *about.ends), pace, about.spares)
    known = {*about.ends, *about.spares}
    never: list[Ending] = [how for _ in range(pace.repeats) for how in ENDINGS if how not in known]
    if never:
        lifetime, expired = await _expired(strategy, plan, store, crew, never, pace)
        people += expired
    return tuple(
        _revocation(how, [one for one in people if one.how == how], pace.servers, 0.0 if how in known else lifetime)
        for how in ENDINGS
    )


@asynccontextmanager
async def _begun(
    strategy: Strategy, plan: Plan, store: Store, crew: Crew, number: int
) -> AsyncGenerator[tuple[Issuer, list[AppServer]]]:
    async with AsyncExitStack() as stack:
        issuer = await strategy.issuer(plan)
        stack.push_async_callback(issuer.close)
        servers = await crew.serve(strategy, for_servers(issuer, plan), store, servers=number)
        stack.push_async_callback(closed, servers)
        yield issuer, servers


async def _ended(
    issuer: Issuer, servers: Sequence[AppServer], hows: Sequence[Ending], pace: Pace, spares: Sequence[Ending] = ()
) -> Sequence[Watched]:
    async def signed_in() -> Held:
        return await issuer.sign_in(f"lab-{secrets.token_hex(8)}", roles=ROLES)

    control = await signed_in()
    people = [Watched(how, await signed_in(), spared=how in spares) for how in hows]
    await _Batch(servers, people, control, pace).run(issuer)
    return people


async def _expired(
    strategy: Strategy, plan: Plan, store: Store, crew: Crew, hows: Sequence[Ending], pace: Pace
) -> tuple[float, Sequence[Watched]]:
    """All of them at once, with credentials that live for seconds: they are only waited for."""
    for doubled in range(LONGER + 1):
        lifetime = pace.lifetime * 2**doubled
        short = replace(plan, access_seconds=lifetime, session_seconds=lifetime)
        # Seldom: there is nothing to be found but how long it lived, and this goes on for many lanes at once.
        slow = replace(pace, pause=lifetime / 25, look=lifetime / 20, begin=lifetime, patience=lifetime + MARGIN)
        async with _begun(strategy, short, store, crew, pace.servers) as (issuer, servers):
            try:
                return lifetime, await _ended(issuer, servers, hows, slow)
            except RefusedBefore:
                if doubled == LONGER:
                    raise
    raise AssertionError  # pragma: no cover - the last time returns or raises


def _revocation(how: Ending, people: Sequence[Watched], servers: int, lifetime: float) -> Revocation:
    """``lifetime``: of credentials of which nobody expects that the end is noticed; 0 where it is."""
    if all(one.spared and not one.noticed and not one.outlived for one in people):
        # Who is meant to go on and was refused is no such case: of him it is told how long it took.
        seen = min(one.lag for one in people) / 1e3
        note = f"goes on, as it is meant to: let in everywhere until {duration(seen * 1e6)} later, when all others were refused"
        return Revocation(how, (), servers, note, goes_on=seen)
    notes: list[str] = []
    expired = bool(lifetime) and not any(one.noticed for one in people)
    if expired:
        notes.append(f"only the expiry ends it: measured with a lifetime of {lifetime:g} s")
    if outlived := sum(one.outlived for one in people):
        notes.append(f"{outlived} of {len(people)} still got in when it was given up: they took longer than that")
    lags = tuple(sorted(max(0.0, one.lag) for one in people))
    return Revocation(how, lags, servers, "; ".join(notes), lifetime if expired else None)
