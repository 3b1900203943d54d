"""The age of what a verifier knows, explored with two clocks: one that is wrong never makes it look younger than it is.

Questions about the end of the log are sent, answered and lost, while either the machine sleeps without its lease clock
noticing, or somebody sets its wall clock. The lease, and what judges it on every use, are the real ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache, partial
from typing import NamedTuple

import pytest

from admit.core.lease import Bounded, Lease, Moment
from admit.testing.clock import FakeClock
from counts import times
from explorer import Explored, explore

S = times("ticks of the bound in a model")
"""Ticks that an acceptance may come late by."""

FAR = S + 1
"""Ticks by which a wall clock is set at once, and wrong at most."""

FAULTS = ("the machine sleeps", "the wall clock is set")


class Since(NamedTuple):
    """How many ticks ago something was, in truth and by the lease clock, and how wrong the wall clock was then."""

    true: int
    lease: int
    wrong: int


class State(NamedTuple):
    """All of the world: what is on its way, what has proven how much is known, and how wrong the wall clock is."""

    question: Since | None = None
    fresh: Since | None = None
    wrong: int = 0


class ByTheLeaseClock(Bounded):
    """Counts by the lease clock alone."""

    def moved(self, stamp: bytes) -> bool:
        """Whether the lease clock says so."""
        return self._lease_now() - self._lease.fresh_as_of.lease > self.bound


class ByTheWallClock(Bounded):
    """Counts by the wall clock alone."""

    def moved(self, stamp: bytes) -> bool:
        """Whether the wall clock says so."""
        return self._now() - self._lease.fresh_as_of.wall > self.bound


Judges = Callable[[Lease, FakeClock, float, Callable[[], None]], Bounded]

MUTANTS: dict[str, tuple[Judges, str]] = {
    "age by the lease clock only": (ByTheLeaseClock, "the machine sleeps"),
    "age by the wall clock only": (ByTheWallClock, "the wall clock is set"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_one_wrong_clock_makes_nothing_look_younger(fault: str, record_property: Callable[[str, str], None]) -> None:
    explored = explored_by(Bounded, fault)
    states = explored.holds()
    late = explored.way_to(lambda state: state.fresh is not None and state.fresh.true == S and accepts(Bounded, state))
    assert late, "what is not accepted as long as it may be is broken too"
    record_property("note", f"{fault}: {states}")


@pytest.mark.parametrize("mutant", MUTANTS, ids=str)
def test_a_mutant_of_age_is_refuted(mutant: str, record_property: Callable[[str, str], None]) -> None:
    record_property("note", explored_by(*MUTANTS[mutant]).refutes(mutant))


def explored_by(judges: Judges, fault: str) -> Explored[State]:
    return explore(State(), partial(steps, fault=fault), partial(what_is_wrong, judges))


def what_is_wrong(judges: Judges, state: State) -> str | None:
    """The promise, judged in one state."""
    if accepts(judges, state) and (state.fresh is None or state.fresh.true > S):
        return "P1 is broken: what is known is older than S, and something is accepted by it"
    return None


def steps(state: State, fault: str) -> Iterator[tuple[str, State]]:
    """Everything that may happen next."""
    yield "a tick passes", _later(state, lease=1)
    if fault == "the machine sleeps":
        yield "the machine sleeps for a tick, and only the wall clock knows", _later(state, lease=0)
    else:
        for by in (-FAR, FAR):
            if abs(state.wrong + by) <= FAR:
                words = f"the wall clock is set {'back' if by < 0 else 'ahead'} by {FAR} ticks"
                yield words, state._replace(wrong=state.wrong + by)
    if state.question is None:
        yield "the verifier asks for the log", state._replace(question=Since(0, 0, state.wrong))
    else:
        yield "the question or its answer is lost", state._replace(question=None)
        yield "the answer arrives", state._replace(question=None, fresh=state.question)


def _later(state: State, *, lease: int) -> State:
    question, fresh = (
        # What is too old by a clock, and stays so, may be any older.
        since and since._replace(true=min(since.true + 1, S + 1 + 2 * FAR), lease=min(since.lease + lease, S + 1))
        for since in (state.question, state.fresh)
    )
    return state._replace(question=question, fresh=fresh)


@cache
def accepts(judges: Judges, state: State) -> bool:
    """Whether what is known counts as new enough."""
    clock, since = FakeClock(), state.fresh
    lease = Lease(clock)
    if since is not None:
        lease.prove(Moment.of(clock))
        clock.advance(since.lease)
        clock.step_wall(since.true + state.wrong - since.wrong - since.lease)
    return not judges(lease, clock, float(S), lambda: None).moved(b"a stamp")
