"""What people see while what the application servers ask is broken: who gets in, who must not, who is thrown out.

Some are signed in, some were ended before, some just before the fault, and some while it lasts, where whoever ends them
is not cut off himself. All of them ask each application server again and again, and hang up when it takes too long.
"""

from __future__ import annotations

import asyncio
import math
import secrets
import time
from collections import Counter
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from itertools import groupby
from weakref import WeakKeyDictionary

from admit.lab.crew import Crew, closed
from admit.lab.faults import NOTES, Site, faults_of, goes_on, opened
from admit.lab.people import SECOND, Person, renewed
from admit.lab.report import Fault, Moment, Outage
from admit.lab.strategy import Fronted, Held, Issuer, Plan, Store, Strategy, Unmeasured
from admit.lab.watching import Answer, AppServer

LOOK_EVERY = 0.1
"""Seconds between two looks at what was answered."""

OF_A_STORE: dict[Store, int] = {"postgresql": 2, "redis": 4}
"""… and on the same store: each has pools of connections, and a store has only so many."""

_turns = WeakKeyDictionary[asyncio.AbstractEventLoop, dict[Store, asyncio.Semaphore]]()

PATIENCE = 20.0
"""Seconds until everybody who has signed in must have got in, before anything is broken."""

IN_A_ROW = 3
"""Times that somebody gets in until it is over for him."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How much is done, and for how many seconds."""

    servers: int = 2
    signed_in: int = 6
    ended: int = 2  # before, as many just before, and as many during the fault
    before: float = 0.5
    fault: float = 3.2  # longer than the bound of leased verification and the limit, or nothing of them would be seen
    after: float = 3.0  # at most
    slice: float = 0.25
    pause: float = 0.1  # between two requests of somebody to a server
    limit: float = 1.0  # until he hangs up
    at_once: int = 8  # outages in the same processes at the same time: a moment of one is mostly waiting


QUICK = Pace()
FULL = Pace(signed_in=10, ended=4, before=1.0, fault=8.0, after=10.0, at_once=4)


@dataclass(slots=True)
class _Scene:
    """Who asks whom, and what came of it."""

    issuer: Issuer
    door: Issuer | None  # where clients ask for another token, by way of what is broken
    servers: Sequence[AppServer]
    site: Site
    pace: Pace
    inside: list[Person] = field(default_factory=list[Person])
    before: list[Person] = field(default_factory=list[Person])
    just: list[Person] = field(default_factory=list[Person])
    during: list[Person] = field(default_factory=list[Person])
    answers: list[list[Answer]] = field(default_factory=list[list[Answer]])
    clients: list[asyncio.Task[None]] = field(default_factory=list[asyncio.Task[None]])
    over: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def people(self) -> list[Person]:
        return [*self.inside, *self.before, *self.just, *self.during]

    async def come(self, *, also_during: bool) -> None:
        """Everybody signs in; some are ended at once."""
        ended = [self.before, self.just, *([self.during] if also_during else [])]
        for some, number in (self.inside, self.pace.signed_in), *((some, self.pace.ended) for some in ended):
            for _ in range(number):
                asked = time.monotonic_ns()
                held = await self.issuer.sign_in(f"lab-{secrets.token_hex(8)}")
                until = asked + lifetime(self.pace) * SECOND if self.door else math.inf
                some.append(Person(held, tokens=[(asked, until)]))
        await self.end(self.before)

    async def end(self, people: Iterable[Person]) -> None:
        """End each of them."""
        for one in people:
            one.ending = time.monotonic_ns()
            await self.issuer.end("sign out", one.held)
            one.ended = time.monotonic_ns()

    async def watch(self) -> None:
        """Return once everybody who is signed in has got in everywhere. Raises Unmeasured when they do not."""
        self.answers = [[] for _ in self.servers]
        groups = [[one.held.header] for one in self.people]
        for server in self.servers:
            await server.watch(groups, pause=self.pace.pause, limit=self.pace.limit)
        if self.door is not None:
            self._renew(self.door)
        if not await self.in_again(time.monotonic_ns(), PATIENCE):
            raise Unmeasured("not everybody who had signed in got in, before anything was broken")

    def _renew(self, door: Issuer) -> None:
        """Whoever is signed in has the next token in time; their turns are spread over half of a lifetime."""
        seconds, staying = lifetime(self.pace), [one for one in self.people if one not in self.before]
        for place, one in enumerate(staying):
            number = self.people.index(one)

            async def told(held: Held, number: int = number) -> None:
                await asyncio.gather(*(server.renew(number, held.header) for server in self.servers))

            first = seconds / 2 * place / len(staying)
            self.clients.append(asyncio.create_task(renewed(one, door, seconds, first, self.over, told)))

    async def look(self) -> None:
        """Hear what was answered."""
        self._take(await asyncio.gather(*(server.tell() for server in self.servers)))

    async def rest(self) -> None:
        """Nobody asks any more. Raises what a client failed with."""
        self.over.set()
        await asyncio.gather(*self.clients)
        self._take(await asyncio.gather(*(server.rest() for server in self.servers)))

    def _take(self, told: Iterable[Sequence[Answer]]) -> None:
        for answers, some in zip(self.answers, told, strict=True):
            answers.extend(some)

    async def in_again(self, since: int, within: float) -> bool:
        """Return once the last requests of all who are signed in, after ``since``, were let in; whether they were."""
        until = time.monotonic() + within
        while time.monotonic() < until:
            await self.look()
            if all(_gets_in(of_one, since) for of_one in self.by_person()):
                return True
            await asyncio.sleep(LOOK_EVERY)
        return False

    def by_person(self) -> list[list[Answer]]:
        """The answers of each server to each of those who are signed in."""
        sorted_out = [[list[Answer]() for _ in self.inside] for _ in self.servers]
        for answers, people in zip(self.answers, sorted_out, strict=True):
            for answer in answers:
                if answer.person < len(people):
                    people[answer.person].append(answer)
        return [of_one for people in sorted_out for of_one in people]


async def measured(
    strategy: Strategy, plan: Plan, store: Store, crew: Crew, fault: Fault, pace: Pace = QUICK
) -> Outage:
    """What people see of ``fault``, one of :func:`faults_of` that strategy on that store. Raises StoreError, Unmeasured."""
    turns = _turns.setdefault(asyncio.get_running_loop(), {})
    async with turns.setdefault(store, asyncio.Semaphore(OF_A_STORE.get(store, 100))):
        return await _measured(strategy, plan, store, crew, fault, pace)


async def _measured(strategy: Strategy, plan: Plan, store: Store, crew: Crew, fault: Fault, pace: Pace) -> Outage:
    refreshed = await _is_refreshed(strategy, plan)
    if refreshed:
        plan = replace(plan, access_seconds=lifetime(pace))
    async with _scene(strategy, plan, store, crew, pace, refreshed=refreshed) as scene:
        await scene.come(also_during=goes_on(strategy, store, fault))
        try:
            await scene.watch()
            settled = time.monotonic_ns()
            await asyncio.sleep(pace.before)
            await scene.in_again(settled, PATIENCE)
            await scene.end(scene.just)
            began = time.monotonic_ns()
            await scene.site.fails(fault)
            await _sleep_until(began, pace.fault / 4)
            with suppress(TimeoutError):  # who cannot be ended while it lasts stays signed in
                await asyncio.wait_for(scene.end(scene.during), pace.fault)
            await _sleep_until(began, pace.fault)
            await scene.site.heals()
            healed = time.monotonic_ns()
            await scene.in_again(healed, pace.after)
        finally:
            await scene.rest()
    return Outage(
        fault,
        began=0.0,
        healed=(healed - began) / 1e9,
        moments=_moments(scene, began, settled),
        recovered=_recovered(scene.by_person(), began, healed),
        what=faults_of(strategy, store)[fault] + _said_of_tokens(strategy, plan, refreshed=refreshed),
        note="" if isinstance(strategy, Fronted) else NOTES.get((store, fault), ""),
        wrong=_longest(scene, "wrongly_let_in", settled),
        thrown=_longest(scene, "thrown_out", settled),
    )


def lifetime(pace: Pace) -> float:
    """Seconds that access tokens live where they are refreshed: as 5 minutes are to an outage of not quite 4."""
    return pace.fault * 4 / 3


async def _is_refreshed(strategy: Strategy, plan: Plan) -> bool:
    if isinstance(strategy, Fronted):
        return False  # its clients ask the authority over HTTP, which nobody does here
    issuer = await strategy.issuer(plan)
    try:
        return (await issuer.sign_in(f"lab-{secrets.token_hex(8)}")).refresh is not None
    finally:
        await issuer.close()


def _said_of_tokens(strategy: Strategy, plan: Plan, *, refreshed: bool) -> str:
    if refreshed:
        return f"; access tokens live {plan.access_seconds:g} s here, and clients ask for the next ones meanwhile"
    tokens = strategy.about.family == "jwt" or isinstance(strategy, Fronted)
    return f"; the tokens live {plan.access_seconds:g} s, longer than this lasts" if tokens else ""


@asynccontextmanager
async def _scene(
    strategy: Strategy, plan: Plan, store: Store, crew: Crew, pace: Pace, *, refreshed: bool
) -> AsyncGenerator[_Scene]:
    async with AsyncExitStack() as stack:
        issuer, broken = await opened(strategy, plan, store)
        stack.push_async_callback(broken.close)
        stack.push_async_callback(issuer.close)
        by_way_of_it = replace(plan, url=broken.url)
        door = await strategy.issuer(by_way_of_it) if refreshed else None
        if door is not None:
            stack.push_async_callback(door.close)
        servers = await crew.serve(strategy, by_way_of_it, store, servers=pace.servers)
        stack.push_async_callback(closed, servers)
        stack.push_async_callback(broken.heals)
        yield _Scene(issuer, door, servers, broken, pace)


async def _sleep_until(began: int, seconds: float) -> None:
    await asyncio.sleep(max(0.0, seconds - (time.monotonic_ns() - began) / 1e9))


def _gets_in(answers: Sequence[Answer], since: int) -> bool:
    last = answers[-IN_A_ROW:]
    return len(last) == IN_A_ROW and all(answer.began > since and answer.outcome == "in" for answer in last)


def _moments(scene: _Scene, began: int, settled: int) -> tuple[Moment, ...]:
    """What people were told in each slice of time: what they ask before a fault may be answered within it.

    The first begins when it is ``settled``: those ended before have been so for a while, and all others have got in.
    """
    people, width = scene.people, int(scene.pace.slice * 1e9)
    slices: dict[int, list[Answer]] = {}
    for answer in (answer for answers in scene.answers for answer in answers):
        slices.setdefault((answer.answered - began) // width, []).append(answer)
    found: list[Moment] = []
    for number in range((settled - began) // width, max(slices) + 1):
        answers = slices.get(number, [])
        counts = Counter(people[answer.person].sort(answer) for answer in answers)
        slowest = max((answer.answered - answer.began for answer in answers), default=0) / 1e6
        found.append(Moment(at=number * scene.pace.slice, **{sort: counts[sort] for sort in SORTS}, slowest=slowest))
    return tuple(found)


SORTS = ("let_in", "wrongly_let_in", "refused", "thrown_out", "unavailable")


def _longest(scene: _Scene, sort: str, settled: int) -> float:
    """Seconds for which the one to whom it happened the longest was answered so by one server or another.

    It begins with the first of some such answers in a row of a server, when that was asked for, and ends with the last.
    """
    people = scene.people
    spans: list[list[tuple[int, int]]] = [[] for _ in people]
    for answers in scene.answers:
        of_each: list[list[Answer]] = [[] for _ in people]
        for answer in answers:
            if answer.began >= settled:
                of_each[answer.person].append(answer)
        for person, told, spanned in zip(people, of_each, spans, strict=True):
            for is_so, some in groupby(told, key=lambda answer, person=person: person.sort(answer) == sort):  # type: ignore[misc]
                row = list(some)
                if is_so:
                    spanned.append((row[0].began, row[-1].answered))
    return max(map(united, spans), default=0) / 1e9


def united(spans: Iterable[tuple[int, int]]) -> int:
    """How long all ``spans`` are together, what lies in several of them counted once."""
    whole, reached = 0, 0
    for begins, ends in sorted(spans):
        whole += max(0, ends - max(begins, reached))
        reached = max(reached, ends)
    return whole


def _recovered(by_person: Iterable[Sequence[Answer]], began: int, healed: int) -> float | None:
    """Seconds from ``healed`` to the first answer to the last of them after which all are let in."""
    latest = 0.0
    for answers in by_person:
        since = [answer for answer in answers if answer.answered >= began]
        bad = [number for number, answer in enumerate(since) if answer.outcome != "in"]
        if not bad:
            continue
        if bad[-1] + 1 == len(since):
            return None
        latest = max(latest, (since[bad[-1] + 1].answered - healed) / 1e9)
    return latest
