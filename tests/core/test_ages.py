"""How old what was known was at each acceptance: counted at the edges, the same as if each had been looked at."""

from __future__ import annotations

from bisect import bisect_left

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admit.core.ages import EDGES, Ages
from admit.core.lease import Bounded, Lease, Moment
from admit.core.presented import DOORS
from admit.core.tally import begun, total
from admit.testing.clock import FakeClock

BOUND = 2.0
MOVES = st.lists(
    st.one_of(
        st.tuples(st.just("passes"), st.sampled_from([0.0, 0.001, 0.02, 0.06, 0.3, 0.7, 1.5])),
        st.tuples(st.just("proof"), st.sampled_from([0.0, 0.004, 0.05, 0.2, 1.0])),
        st.tuples(st.just("used"), st.just(0.0)),
        st.tuples(st.just("vouched"), st.sampled_from([0.001, 0.5, 1.9])),
        st.tuples(st.just("allowed"), st.sampled_from([1.0, 0.3])),
    ),
    max_size=40,
)


@given(MOVES)
def test_every_acceptance_is_in_the_bucket_of_its_age(moves: list[tuple[str, float]]) -> None:
    clock, tallies = FakeClock(), begun(DOORS)
    lease, ages = Lease(clock), Ages(tallies)
    bounded = Bounded(lease, clock, BOUND, lambda: None, ages)
    expected = [0] * (len(EDGES) + 1)
    for move, value in moves:
        match move:
            case "passes":
                clock.advance(value)
            case "proof":
                lease.prove(Moment(clock.now() - value, clock.lease() - value))
            case "vouched":
                tallies["session"].looked_up += 1
                ages.vouched(value)
                expected[bisect_left(EDGES, value)] += 1
            case "allowed":
                bounded.bound = min(bounded.bound, value)
            case _:
                assert bounded.moved(b"an entry") is (lease.age > bounded.bound)
                if lease.age <= bounded.bound:
                    tallies["token"].seen_before += 1
                    expected[bisect_left(EDGES, lease.age)] += 1
        assert ages.counted() == expected
        assert sum(expected) == total(tallies.values()).accepted


def test_a_bound_that_is_lowered_counts_at_once() -> None:
    clock = FakeClock()
    lease = Lease(clock)
    bounded = Bounded(lease, clock, 2.0, lambda: None)
    lease.prove(Moment.of(clock))
    clock.advance(0.4)
    assert not bounded.moved(b"an entry")
    bounded.bound = 0.3
    assert bounded.moved(b"an entry")


def test_who_finds_another_at_it_does_not_wait_and_comes_again() -> None:
    ages = Ages(begun(DOORS))
    ages._one_at_a_time.acquire()
    assert ages.passed(0.4) == 0.0
    ages.begin_anew()
    assert ages.passed(0.4) == pytest.approx(0.5)
