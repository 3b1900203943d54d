"""The lease: as old as its question, by the clock that says more."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admit.core.lease import NEVER, Bounded, Lease, Moment
from admit.errors import Stale
from admit.testing.clock import FakeClock

SECONDS = st.floats(0, 1e6)


def nobody() -> None:
    """Nobody follows."""


def test_a_lease_that_was_never_proven_is_infinitely_old() -> None:
    clock = FakeClock()
    lease = Lease(clock)
    assert lease.age == math.inf
    assert Bounded(lease, clock, 60.0, nobody).moved(b"an entry")


def test_a_lease_is_as_old_as_the_question_and_not_as_its_answer() -> None:
    clock = FakeClock()
    lease = Lease(clock)
    sent = Moment.of(clock)
    clock.advance(1.5)
    lease.prove(sent)
    assert lease.age == pytest.approx(1.5)


@given(wall=SECONDS, elapsed=SECONDS)
def test_the_clock_that_says_more_counts(wall: float, elapsed: float) -> None:
    assert Moment(wall, elapsed).since(Moment(0, 0)) == max(wall, elapsed)


def test_what_is_as_old_as_the_bound_is_accepted_and_a_moment_later_it_is_not() -> None:
    clock = FakeClock()
    lease = Lease(clock)
    lease.prove(Moment.of(clock))
    bounded = Bounded(lease, clock, 2.0, nobody)
    clock.advance(1.999)
    assert not bounded.moved(b"an entry")
    clock.advance(0.002)
    assert bounded.moved(b"an entry")


@pytest.mark.parametrize("clock", ["wall", "lease"])
def test_either_clock_alone_makes_it_old(clock: str) -> None:
    class Stuck(FakeClock):
        """Clocks of which one stands still."""

        def now(self) -> float:
            return super().now() if clock == "wall" else 1_000.0

        def lease(self) -> float:
            return super().lease() if clock == "lease" else 1_000.0

    stuck = Stuck()
    lease = Lease(stuck)
    lease.prove(Moment.of(stuck))
    bounded = Bounded(lease, stuck, 2.0, nobody)
    assert not bounded.moved(b"an entry")
    stuck.advance(3)
    assert bounded.moved(b"an entry")
    assert lease.age == pytest.approx(3)


def test_a_copy_that_began_anew_is_not_fresh_however_young_the_lease_is() -> None:
    clock = FakeClock()
    lease = Lease(clock)
    lease.prove(Moment.of(clock))
    assert Bounded(lease, clock, 2.0, nobody).moved(b"")


def test_a_lost_lease_is_as_old_as_one_that_never_was() -> None:
    clock = FakeClock()
    lease = Lease(clock)
    lease.prove(Moment.of(clock))
    lease.lose()
    assert lease.fresh_as_of == NEVER


def test_who_wants_to_read_is_told_how_old_it_is_and_somebody_is_asked_to_follow() -> None:
    clock, asked = FakeClock(), list[str]()
    lease = Lease(clock)
    lease.prove(Moment.of(clock))
    clock.advance(3)
    bounded = Bounded(lease, clock, 2.0, lambda: asked.append("follow"))
    with pytest.raises(Stale, match=r"3\.000 s ago, and 2 s are allowed"):
        bounded.read(None)
    assert asked == ["follow"]
    bounded.check()
