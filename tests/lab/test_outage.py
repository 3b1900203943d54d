"""Outages of a little server that knows who is signed in, and what strategies with known faults make of them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace

import pytest

from admit.lab.crew import Crew, crew
from admit.lab.outage import SORTS, Pace, measured, united
from admit.lab.report import Fault, Moment, Outage
from admit.lab.strategy import Plan
from lab.planted import STRATEGIES

PACE = Pace(signed_in=2, ended=1, before=0.3, fault=1.2, after=30.0, pause=0.05, limit=20.0)
CASES: dict[tuple[str, Fault], Pace] = {
    ("honest", "gone"): PACE,
    ("honest", "cut"): replace(PACE, limit=0.5),
    ("honest", "slow"): PACE,
    ("trusting", "gone"): PACE,
    ("hasty", "gone"): PACE,
    ("gives up", "gone"): replace(PACE, after=0.5),
}

Seen = dict[tuple[str, Fault], Outage]


@pytest.fixture(scope="module")
def seen() -> Seen:
    """What is measured of each of them, in the same processes at the same time."""

    async def one(name: str, fault: Fault, processes: Crew) -> Outage:
        async with await little_server() as server:
            plan = Plan(name, f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0", bytes(32))
            return await measured(STRATEGIES[name], plan, "redis", processes, fault, CASES[name, fault])

    async def each() -> Seen:
        async with crew(PACE.servers, table="lab.planted") as processes:
            every = [one(*case, processes) for case in CASES]
            return dict(zip(CASES, await asyncio.gather(*every), strict=True))

    return asyncio.run(each())


async def little_server() -> asyncio.Server:
    """A server that is told who was ended, and tells who is in."""
    ended = set[str]()

    async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := (await reader.readline()).decode():
            word, subject = line.split()
            if word == "end":
                ended.add(subject)
            writer.write({"end": b"done\n", "tell": b"out\n" if subject in ended else b"in\n"}[word])
        writer.close()

    return await asyncio.start_server(served, "127.0.0.1", 0)


def told(moments: Iterable[Moment]) -> dict[str, int]:
    """How many requests ended how."""
    every = list(moments)
    return {sort: sum(getattr(moment, sort) for moment in every) for sort in SORTS}


def before(outage: Outage) -> dict[str, int]:
    return told(moment for moment in outage.moments if moment.at < 0)


def since(outage: Outage) -> dict[str, int]:
    return told(moment for moment in outage.moments if moment.at >= 0)


def test_before_anything_is_broken_everybody_is_told_what_is_right(seen: Seen) -> None:
    for outage in seen.values():
        assert before(outage)["let_in"]
        assert before(outage)["refused"]
        assert before(outage)["wrongly_let_in"] == before(outage)["thrown_out"] == 0
        assert outage.healed >= PACE.fault


@pytest.mark.parametrize("fault", ["gone", "cut"])
def test_who_is_honest_asks_to_try_again_and_recovers(seen: Seen, fault: Fault) -> None:
    outage = seen["honest", fault]
    assert since(outage)["unavailable"]
    assert since(outage)["wrongly_let_in"] == since(outage)["thrown_out"] == 0
    assert outage.recovered is not None


def test_who_trusts_everybody_is_seen_to_let_in_the_wrong_ones(seen: Seen) -> None:
    outage = seen["trusting", "gone"]
    # One person, over both servers, and never longer than it was broken and the answers took.
    assert outage.wrong is not None
    assert 0 < outage.wrong <= PACE.before + outage.healed + PACE.after
    assert outage.thrown == 0
    assert since(outage)["wrongly_let_in"]
    assert since(outage)["thrown_out"] == since(outage)["unavailable"] == 0
    assert outage.recovered == 0.0


def test_who_refuses_in_haste_is_seen_to_throw_people_out(seen: Seen) -> None:
    outage = seen["hasty", "gone"]
    assert outage.thrown
    assert outage.wrong == 0
    assert since(outage)["thrown_out"]
    assert since(outage)["wrongly_let_in"] == since(outage)["unavailable"] == 0
    assert outage.recovered is not None


def test_who_never_tries_again_does_not_recover(seen: Seen) -> None:
    assert seen["gives up", "gone"].recovered is None


def test_a_slow_store_is_seen_as_slow_and_who_is_ended_meanwhile_is_refused(seen: Seen) -> None:
    outage = seen["honest", "slow"]
    inside = [moment for moment in outage.moments if 0.5 <= moment.at < outage.healed - PACE.slice]
    assert all(moment.slowest >= 400 for moment in inside if any(told([moment]).values()))
    assert since(outage)["wrongly_let_in"] == since(outage)["unavailable"] == since(outage)["thrown_out"] == 0


@pytest.mark.parametrize(
    ("spans", "together"),
    [([], 0), ([(5, 9)], 4), ([(20, 30), (5, 9)], 14), ([(5, 9), (7, 12)], 7), ([(5, 30), (7, 12), (29, 31)], 26)],
)
def test_what_two_servers_did_at_the_same_time_is_counted_once(spans: list[tuple[int, int]], together: int) -> None:
    assert united(spans) == together
