"""What it costs an application server to tell who is asking: time, processor time, and what it asks of the store."""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from admit.lab.report import Path
from admit.lab.running import PEOPLE, Running, in_turns, signed_in, value
from admit.lab.strategy import Server
from admit.lab.watching import Header

LEAST = 400
"""Requests of a slice, at least: the slowest in a hundred are then four."""

WARM_UP = 64
"""Requests before each slice, which nobody times: meanwhile another strategy had the processor's caches."""


@dataclass(slots=True)
class _Slices:
    """A server that is measured, and what was found out about it, slice by slice."""

    server: Server
    headers: Iterator[Header]
    p50: list[float] = field(default_factory=list[float])
    p99: list[float] = field(default_factory=list[float])
    cpu: list[float] = field(default_factory=list[float])
    first: list[float] = field(default_factory=list[float])
    first_operations: int = 0
    requests: int = 0
    operations: int = 0
    round_trips: int = 0

    def path(self) -> Path:
        """All slices together."""
        return Path(
            value(self.p50),
            value(self.p99),
            value(self.cpu),
            self.operations / self.requests,
            self.round_trips / self.requests,
            value(self.first),
            self.first_operations / len(self.first),
        )


async def paths(
    lanes: Sequence[Running],
    *,
    repeats: int,
    seconds: float,
    people: int = PEOPLE,
    told: Callable[[Running], None] = lambda _: None,
) -> list[Path]:
    """What a verification costs in each of ``lanes``, of somebody who was seen before by a server in this process.

    Each has ``repeats`` slices of so many ``seconds``, in turn with those of the others; ``told`` hears of each before
    it begins. One caller waits for each answer. Raises Unavailable.
    """
    async with AsyncExitStack() as stack:
        found: list[_Slices] = []
        for lane in lanes:
            server = await lane.strategy.server(lane.plan)
            stack.push_async_callback(server.close)
            headers = await signed_in(lane.issuer, people)
            slices = _Slices(server, itertools.cycle(headers))
            await _seen(slices, headers)
            found.append(slices)
        for lane, slices in in_turns(list(zip(lanes, found, strict=True)), repeats):
            told(lane)
            await _slice(slices, seconds)
    return [slices.path() for slices in found]


async def _seen(slices: _Slices, headers: Sequence[Header]) -> None:
    """Each of ``headers`` for the first time, after one of them that has the store connected."""
    server = slices.server
    await server.verify(headers[0])
    before = server.count.operations
    for header in headers[1:]:
        began = time.perf_counter_ns()
        await server.verify(header)
        slices.first.append((time.perf_counter_ns() - began) / 1e3)
    slices.first_operations = server.count.operations - before


async def _slice(slices: _Slices, seconds: float) -> None:
    """Add a slice to what was found out."""
    verify, clock, count = slices.server.verify, time.perf_counter_ns, slices.server.count
    for header in itertools.islice(slices.headers, WARM_UP):
        await verify(header)
    taken: list[int] = []
    add = taken.append
    operations, round_trips = count.operations, count.round_trips
    until = clock() + int(seconds * 1e9)
    # Of this thread alone: what others do meanwhile is no part of a request.
    cpu = time.thread_time_ns()
    for header in slices.headers:
        began = clock()
        await verify(header)
        ended = clock()
        add(ended - began)
        if ended > until and len(taken) >= LEAST:
            break
    cpu = time.thread_time_ns() - cpu
    slices.operations += count.operations - operations
    slices.round_trips += count.round_trips - round_trips
    slices.requests += len(taken)
    slices.cpu.append(cpu / len(taken) / 1e3)
    slices.p50.append(statistics.median(taken) / 1e3)
    slices.p99.append(sorted(taken)[int(len(taken) * 0.99)] / 1e3)
