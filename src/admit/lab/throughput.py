"""How many verifications in a second one, two and four application servers do, and ten would, on machines of their own."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from admit.lab.burden import Burden, burden_of
from admit.lab.crew import Crew, closed
from admit.lab.report import Throughput
from admit.lab.running import PEOPLE, Running, in_turns, signed_in, value
from admit.lab.strategy import Unmeasured
from admit.lab.watching import WARM_UP, AppServer, Header

SERVERS = (1, 2, 4)
TEN = 10

AT_ONCE = 16
"""Requests at once of a server that waits for a network, so that it has always something to do."""

SELDOM = 0.01
"""Operations of a store for a request, below which it does not matter what one of them takes it."""

_ALONE = {
    "memory": "one process: its memory is shared with nobody",
    "sqlite": "one machine: a file is not shared between machines",
}


@dataclass(slots=True)
class _Rates:
    """A lane that is measured, and what was found out about it."""

    lane: Running
    servers: list[AppServer]
    headers: list[Header]
    burden: Burden | None
    rates: dict[int, list[float]] = field(default_factory=dict[int, list[float]])
    cpu: list[float] = field(default_factory=list[float])  # seconds of an application server for a request
    shared: list[float] = field(default_factory=list[float])  # … of what all of them share
    asked: list[float] = field(default_factory=list[float])  # operations of a store for a request


async def throughputs(
    lanes: Sequence[Running],
    crew: Crew,
    *,
    repeats: int,
    seconds: float,
    people: int = PEOPLE,
    servers: Sequence[int] = SERVERS,
    told: Callable[[Running], None] = lambda _: None,
) -> list[Throughput]:
    """What the processes of ``crew`` verify together, in each of ``lanes``. Raises Unmeasured, Unavailable.

    Each number of ``servers`` has ``repeats`` slices of so many ``seconds``, in turn with those of other lanes; ``told``
    hears of each turn before it begins. What people hold lives for as long as all of this takes.
    """
    async with AsyncExitStack() as stack:
        found: list[_Rates] = []
        for lane in lanes:
            numbers = numbers_of(lane, servers, len(crew.processes))
            serving = await crew.serve(lane.strategy, lane.plan, lane.store, servers=max(numbers))
            stack.push_async_callback(closed, serving)
            burden = await burden_of(lane.plan.url)
            if burden is not None:
                stack.push_async_callback(burden.close)
            headers = await signed_in(lane.issuer, people)
            found.append(_Rates(lane, serving, headers, burden, {number: [] for number in numbers}))
        for one in in_turns(found, repeats):
            told(one.lane)
            for number in one.rates:
                await _slice(one, number, seconds)
    return [_judged(one) for one in found]


def numbers_of(lane: Running, servers: Sequence[int], most: int) -> list[int]:
    """How many servers there can be of it: what lies in the memory of one process is shared with nobody."""
    return [1] if lane.store == "memory" else [number for number in servers if number <= most] or [1]


async def _slice(one: _Rates, number: int, seconds: float) -> None:
    at_once = AT_ONCE if one.lane.store in {"postgresql", "redis"} else 1
    for longer in (1, 4, 16):  # on a machine that does much else, a short one may be over before anybody was let in
        before = 0.0 if one.burden is None else await one.burden.seconds()
        measured = await asyncio.gather(
            *(server.measure(one.headers, seconds=longer * seconds, at_once=at_once) for server in one.servers[:number])
        )
        after = 0.0 if one.burden is None else await one.burden.seconds()
        verified = sum(each.verified for each in measured)
        if verified:
            one.rates[number].append(sum(each.verified / each.seconds for each in measured))
            one.cpu.append(sum(each.cpu for each in measured) / verified)
            one.shared.append((after - before) / verified / (1 + WARM_UP))
            one.asked.append(sum(each.operations for each in measured) / verified)
            return
    raise Unmeasured(f"{number} servers verified nobody in {16 * seconds:g} s")


def _judged(one: _Rates) -> Throughput:
    rates = {number: value(found) for number, found in one.rates.items()}
    # By what the servers have, not by what the issuer has: one who follows a log elsewhere shares no file.
    scheme = one.lane.plan.url.partition(":")[0]
    if scheme in _ALONE:
        return Throughput(rates, None, _ALONE[scheme])
    known = one.burden is not None or value(one.asked).median < SELDOM
    # Redis answers in one thread; PostgreSQL has a process for each connection.
    workers = 1 if one.lane.store == "redis" else os.cpu_count() or 1
    return Throughput(rates, *at_ten(value(one.cpu).median, value(one.shared).median if known else None, workers))


def at_ten(own: float, shared: float | None, workers: int) -> tuple[float | None, str]:
    """What ten servers on machines of their own would do in a second, and what stops it from growing.

    ``own`` and ``shared`` are processor seconds of a request, at the server and at the store, which has so many
    ``workers``. None where nobody can see what the store does.
    """
    servers = TEN / own
    if shared is None:
        return None, "not worked out: the processor time of the store cannot be seen from here"
    if shared * servers <= workers:
        return servers, f"nothing that is shared: each server adds {1 / own:,.0f} in a second"
    return workers / shared, f"the store, which all of them share, at {workers / shared:,.0f} in a second"
