"""Outages of PostgreSQL and Redis as the lab makes them: what a strategy promises of a store that fails is what is seen.

At the large scale only (``conftest.py``): what is tried on a little server in ``test_outage.py`` says the same of the
instrument, in less time.
"""

from __future__ import annotations

import asyncio
from itertools import product

import pytest

from admit.lab.crew import Crew, crew
from admit.lab.outage import Pace, measured
from admit.lab.report import Fault, Outage
from admit.lab.strategies import STRATEGIES
from admit.lab.strategy import Plan, Store
from engines import SERVERS, fresh
from lab.test_outage import before, since, told

BOUND = 1.0
PACE = Pace(signed_in=2, ended=1, before=0.3, fault=3.5, after=30.0, pause=0.05, limit=1.0)

KINDS: tuple[Store, ...] = ("postgresql", "redis")
FAULTS: tuple[Fault, ...] = ("slow", "gone", "cut")
READING = ("session", "hybrid-blocklist")
"""Their servers ask the store for each request."""

HERE: list[Store] = [kind for kind in KINDS if kind in SERVERS]
CASES = [*product((*READING, "admit-cookie"), HERE, FAULTS)]
Seen = dict[tuple[str, Store, Fault], Outage]

each = pytest.mark.parametrize("case", CASES, ids="-".join)


@pytest.fixture(scope="module")
def seen() -> Seen:
    """What is measured of each of them, in the same processes, and as many at a time as a store bears."""

    async def one(id: str, kind: Store, fault: Fault, processes: Crew) -> Outage:
        plan = Plan(id, fresh(kind), bytes(range(32)), staleness=BOUND)
        return await measured(STRATEGIES[id], plan, kind, processes, fault, PACE)

    async def every() -> Seen:
        async with crew(PACE.servers) as processes:
            found = await asyncio.gather(*(one(*case, processes) for case in CASES))
            return dict(zip(CASES, found, strict=True))

    return asyncio.run(every())


@each
def test_before_it_all_are_told_what_is_right_and_afterwards_all_get_in_again(
    seen: Seen, case: tuple[str, Store, Fault]
) -> None:
    outage = seen[case]
    assert before(outage)["let_in"]
    assert before(outage)["refused"]
    assert before(outage)["wrongly_let_in"] == before(outage)["thrown_out"] == 0
    assert outage.recovered is not None


@each
def test_nobody_is_thrown_out_because_a_store_fails(seen: Seen, case: tuple[str, Store, Fault]) -> None:
    assert since(seen[case])["thrown_out"] == 0
    assert seen[case].thrown == 0


@each
def test_nobody_gets_in_who_was_ended_longer_than_is_promised(seen: Seen, case: tuple[str, Store, Fault]) -> None:
    wrong = seen[case].wrong
    assert wrong is not None
    # A lease lets in until its bound, and whoever waits for an answer hangs up after the limit.
    assert wrong <= (0.0 if case[0] in READING else BOUND + PACE.limit)


@each
def test_who_reads_for_each_request_lets_nobody_in_while_there_is_no_answer(
    seen: Seen, case: tuple[str, Store, Fault]
) -> None:
    id, _, fault = case
    outage = seen[case]
    # What was asked before it began is answered by then, and what is asked then is answered while it lasts.
    inside = told(moment for moment in outage.moments if BOUND + PACE.limit < moment.at < PACE.fault - PACE.slice)
    if fault == "slow":
        assert inside["let_in"]
    elif id in READING:
        assert inside["unavailable"]
        assert inside["let_in"] == 0
    else:
        assert inside["unavailable"]
        assert inside["wrongly_let_in"] == 0
