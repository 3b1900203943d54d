"""Measures all lanes, one sort of figure after the other, and makes a report of what was found."""

from __future__ import annotations

import asyncio
import secrets
import shlex
import tempfile
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path as File
from typing import TypeVar

from admit.errors import AdmitError, ConfigError
from admit.lab import outage, revocation
from admit.lab.crew import Crew, crew
from admit.lab.faults import faults_of
from admit.lab.grounds import Ground, grounds, place
from admit.lab.machine import machine
from admit.lab.path import paths
from admit.lab.progress import Watcher
from admit.lab.report import Attack, Fault, Lane, Outage, Path, Report, Revocation, Storage, Throughput
from admit.lab.running import Running, subjects
from admit.lab.scales import Scale
from admit.lab.storage import storage
from admit.lab.strategies import STRATEGIES
from admit.lab.strategy import Fronted, Plan, Refused, Store, Strategy, Unavailable, Unmeasured, for_servers
from admit.lab.throughput import SERVERS, throughputs
from admit.lab.words import STORES, listed

T = TypeVar("T")

OTHERS = 1_000
"""People who are signed in, too, while verifications are timed."""

AT_ONCE = 12
"""Lanes that are measured at the same time where they mostly wait."""

_EXPECTED = (AdmitError, Unmeasured, Unavailable, Refused, OSError)


@dataclass(slots=True)
class _Measured:
    """A lane, and what was found out about it so far."""

    strategy: Strategy
    ground: Ground | None
    storage: Storage | None = None
    path: Path | None = None
    throughput: Throughput | None = None
    revocations: tuple[Revocation, ...] = ()
    outages: list[Outage] = field(default_factory=list[Outage])

    @property
    def store(self) -> Store:
        return self.ground.kind if self.ground else "none"

    @property
    def name(self) -> str:
        return _named(self.strategy, self.store)

    def lane(self, *, alone: bool) -> Lane:
        """What there is to report of it; of two stores of a kind, which one."""
        at = self.ground.at if self.ground and not alone else ""
        kept, path, rates = self.storage, self.path, self.throughput
        return Lane(self.strategy.about, self.store, at, kept, path, rates, self.revocations, tuple(self.outages))


def _named(strategy: Strategy, store: Store) -> str:
    title = strategy.about.title
    return title if store == "none" else f"{title}, {STORES[store]}"


async def run(urls: Sequence[str], scale: Scale, watcher: Watcher, only: Sequence[str] = ()) -> Report:
    """Measure in memory, in SQLite in a temporary folder, and in the stores behind ``urls``.

    ``only`` are ids of strategies; without, it is all of them.
    Whatever cannot be measured is left out with its reason. Raises ConfigError for a store that holds what is not the
    lab's, StoreUnavailable for one that does not answer; nothing has been measured then.
    """
    if unknown := [id for id in only if id not in STRATEGIES]:
        raise ConfigError([f"There is no strategy {unknown[0]}. There are {', '.join(STRATEGIES)}."])
    strategies = [one for id, one in STRATEGIES.items() if not only or id in only]
    began, taken_at = time.monotonic(), datetime.now(UTC)
    with tempfile.TemporaryDirectory(prefix="admit-lab-") as folder:
        async with grounds(urls, File(folder)) as found, crew(max(scale.ends.servers, *SERVERS)) as processes:
            known = await machine(urls)
            measuring = _Measuring(scale, watcher, strategies, found, processes)
            await measuring.all()
            attacks = await measuring.attacks()
    kinds = [ground.kind for ground in found]
    options = [*(("--only", id) for id in only), *(("--store", place(url)) for url in urls)]
    words = ("admit", "lab", *scale.flags, *(word for option in options for word in option))
    return Report(
        taken_at=taken_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        command=shlex.join(words),
        machine=known,
        users=scale.users,
        repeats=scale.repeats,
        lanes=tuple(one.lane(alone=kinds.count(one.store) < 2) for one in measuring.lanes),
        attacks=attacks,
        left_out=(*measuring.left_out, *_not_asked_for(urls, scale, only)),
        seconds=time.monotonic() - began,
    )


class _Measuring:
    """A run: lanes are filled in by one sort of figure after the other."""

    def __init__(
        self, scale: Scale, watcher: Watcher, strategies: Sequence[Strategy], found: Sequence[Ground], processes: Crew
    ) -> None:
        self.lanes = [
            _Measured(strategy, ground)
            for strategy in strategies
            for ground in ([None] if "none" in strategy.about.stores else found)
            if ground is None or ground.kind in strategy.about.stores
        ]
        self.left_out: list[str] = []
        self._scale = scale
        self._watcher = watcher
        self._grounds = found
        self._crew = processes
        self._secret = secrets.token_bytes(32)

    async def all(self) -> None:
        """Every sort of figure."""
        await self._storage()
        await self._verification()
        await self._ends()
        await self._faults()

    async def attacks(self) -> tuple[Attack, ...]:
        """What was performed in a browser, where there is one."""
        if not self._scale.attacks:
            return ()
        try:
            from admit.lab.browser.attacks import ATTACKS, perform

            self._watcher.phase("attacks in a browser", len(ATTACKS))
            return await asyncio.to_thread(perform, self._step)
        except (ImportError, *_EXPECTED) as error:
            self.left_out.append(f"Attacks in a browser: {error}")
            return ()

    async def _storage(self) -> None:
        """Store beside store, each lane of a store alone; what Python allocates before them, for that is of all."""
        self._watcher.phase("what is kept", sum(len(self._scale.users_of(one.store)) for one in self.lanes))
        await self._kept(one for one in self.lanes if one.store in {"none", "memory"})
        async with asyncio.TaskGroup() as together:
            for ground in self._grounds:
                if ground.kind != "memory":
                    together.create_task(self._kept([one for one in self.lanes if one.ground is ground]))
        await self._anew()

    async def _kept(self, lanes: Iterable[_Measured]) -> None:
        for one in lanes:

            async def kept(one: _Measured = one) -> None:
                async with self._running(one, empty=True) as lane:
                    sizes = self._scale.users_of(one.store)
                    one.storage = await storage(lane, sizes, told=lambda size: self._step(f"{one.name}, {size:,}"))

            await self._attempt(one, "what is kept", kept())

    async def _verification(self) -> None:
        """Requests one by one in all lanes in turns, then as many as there can be."""
        async with AsyncExitStack() as stack:
            open_: list[tuple[_Measured, Running]] = []
            for one in self.lanes:

                async def begin(one: _Measured = one) -> None:
                    lane = await stack.enter_async_context(self._running(one))
                    # Nobody reads from an empty table, and a list of what has ended has something on it.
                    await lane.issuer.load(subjects(min(OTHERS, *self._scale.users)))
                    open_.append((one, lane))

                await self._attempt(one, "verification", begin())
            self._watcher.phase("verification", len(open_) * self._scale.repeats)
            for one, found in await self._together(open_, "verification", self._paths):
                one.path = found
            self._watcher.phase("throughput", len(open_) * self._scale.repeats)
            for one, rate in await self._together_but(open_, "throughput", self._rates):
                one.throughput = rate
        await self._anew()

    async def _paths(self, lanes: Sequence[Running]) -> list[Path]:
        repeats, people = self._scale.repeats, self._scale.people
        seconds = self._scale.request_seconds
        return await paths(lanes, repeats=repeats, seconds=seconds, people=people, told=self._turn)

    async def _rates(self, lanes: Sequence[Running]) -> list[Throughput]:
        repeats, people = self._scale.repeats, self._scale.people
        seconds, servers = self._scale.rate_seconds, self._scale.servers
        return await throughputs(
            lanes, self._crew, repeats=repeats, seconds=seconds, people=people, servers=servers, told=self._turn
        )

    def _turn(self, lane: Running) -> None:
        self._step(_named(lane.strategy, lane.store))

    async def _ends(self) -> None:
        """Ends that are noticed alone, one lane after the other; where it is waited for an expiry, several at once."""
        self._watcher.phase("how fast an end takes effect", len(self.lanes))
        waited = [one for one in self.lanes if not one.strategy.about.ends]
        for one in self.lanes:
            if one not in waited:
                await self._attempt(one, "ends", self._ended(one))
        await self._several([(one, "ends", self._ended(one)) for one in waited])
        await self._anew()

    async def _ended(self, one: _Measured) -> None:
        self._step(one.name)
        plan = await self._plan(one)
        one.revocations = await revocation.measured(one.strategy, plan, one.store, self._crew, self._scale.ends)

    async def _faults(self) -> None:
        """Several at once, for they mostly wait: so many in each half of the processes."""
        tried: list[tuple[_Measured, Fault]] = [
            (one, fault) for one in self.lanes for fault in faults_of(one.strategy, one.store)
        ]
        # First those whose issuer has to be started, or all others would wait for them at the end.
        tried.sort(key=lambda one: not isinstance(one[0].strategy, Fronted))
        self._watcher.phase("outages", len(tried))
        half = len(self._crew.processes) // 2
        crews = asyncio.Queue[Crew]()
        for some in (self._crew.processes[:half], self._crew.processes[half:]):
            for _ in range(self._scale.breaks.at_once):
                crews.put_nowait(Crew(some))

        async def broken(one: _Measured, fault: Fault) -> None:
            processes = await crews.get()
            try:
                await self._attempt(one, f"store {fault}", self._broken(one, fault, processes))
            finally:
                crews.put_nowait(processes)

        async with asyncio.TaskGroup() as together:
            for one, fault in tried:
                together.create_task(broken(one, fault))

    async def _broken(self, one: _Measured, fault: Fault, processes: Crew) -> None:
        self._step(f"{one.name}, {fault}")
        plan = await self._plan(one)
        found = await outage.measured(one.strategy, plan, one.store, processes, fault, self._scale.breaks)
        one.outages.append(found)

    @asynccontextmanager
    async def _running(self, one: _Measured, *, empty: bool = False) -> AsyncGenerator[Running]:
        plan = await self._plan(one, empty=empty)
        issuer = await one.strategy.issuer(plan)
        try:
            yield Running(one.strategy, for_servers(issuer, plan), one.store, issuer)
        finally:
            await issuer.close()

    async def _plan(self, one: _Measured, *, empty: bool = False) -> Plan:
        url = "none:"
        if one.ground:
            url = await (one.ground.fresh() if empty else one.ground.another())
        return Plan(one.strategy.about.id, url, self._secret)

    async def _together(
        self,
        open_: Sequence[tuple[_Measured, Running]],
        what: str,
        measure: Callable[[Sequence[Running]], Awaitable[list[T]]],
    ) -> list[tuple[_Measured, T]]:
        """All in turns; if one of them cannot be measured, each alone, so that it spoils nobody else's figures."""
        try:
            found = await measure([lane for _, lane in open_])
        except _EXPECTED:
            found = None
        if found is not None:
            return [(one, figure) for (one, _), figure in zip(open_, found, strict=True)]
        alone: list[tuple[_Measured, T]] = []
        for one, lane in open_:

            async def measured(one: _Measured = one, lane: Running = lane) -> None:
                alone.append((one, (await measure([lane]))[0]))

            await self._attempt(one, what, measured())
        return alone

    async def _together_but(
        self,
        open_: Sequence[tuple[_Measured, Running]],
        what: str,
        measure: Callable[[Sequence[Running]], Awaitable[list[T]]],
    ) -> list[tuple[_Measured, T]]:
        """The same, but those on PostgreSQL each alone: together they would need more connections than it has."""
        apart = [pair for pair in open_ if pair[1].store == "postgresql"]
        found = await self._together([pair for pair in open_ if pair not in apart], what, measure)
        for pair in apart:
            found += await self._together([pair], what, measure)
        return found

    async def _several(self, work: Iterable[tuple[_Measured, str, Awaitable[None]]]) -> None:
        turns = asyncio.Semaphore(AT_ONCE)

        async def one_of(lane: _Measured, what: str, doing: Awaitable[None]) -> None:
            async with turns:
                await self._attempt(lane, what, doing)

        async with asyncio.TaskGroup() as together:
            for lane, what, doing in work:
                together.create_task(one_of(lane, what, doing))

    async def _attempt(self, one: _Measured, what: str, doing: Awaitable[None]) -> None:
        try:
            await doing
        except _EXPECTED as error:
            line = f"{one.name}, {what}: {error}"
            self.left_out.append(line)
            self._watcher.left_out(line)

    async def _anew(self) -> None:
        for ground in self._grounds:
            await ground.fresh()

    def _step(self, what: str) -> None:
        self._watcher.step(what)


def _not_asked_for(urls: Sequence[str], scale: Scale, only: Sequence[str]) -> Iterable[str]:
    """What there would be to measure besides, and how."""
    schemes = {url.partition("://")[0] for url in urls}
    if "postgresql" not in schemes:
        yield "PostgreSQL: none was named. Add --store postgresql://user@host/database"
    if not schemes & {"redis", "rediss"}:
        yield "Redis: none was named. Add --store redis://host"
    if only:
        yield "Other strategies: leave out --only"
    yield "Outages of memory: what breaks it ends the process that measures, too."
    if left := [str(number) for number in SERVERS if number not in scale.servers]:
        yield f"Verifications in a second with {listed(left)} application servers: without --quick"
    if max(scale.users) < 1_000_000:
        yield "A million people, measured: --large"
    if max(scale.users) < 100_000:
        yield "1,000 to 100,000 people, and more repeats: without --quick"
