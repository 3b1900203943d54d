"""Several who share a limit never use it more often than it says, however they claim."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from admit.core.allowance import Allowance
from admit.core.throttle import Limit

LIMIT = Limit(10, 60.0)


def one(allowance: Allowance, now: float, part: int, count: list[int]) -> bool:
    """A use of what was claimed, or of what can be claimed now."""
    while not allowance.take(now):
        if allowance.spent(now):
            return False
        count[0] += part
        allowance.claimed(now, part, count[0])
    return True


@given(st.lists(st.integers(0, 2), max_size=80), st.integers(1, 12))
def test_together_they_use_it_as_often_as_the_limit_says_at_most(turns: list[int], part: int) -> None:
    several, count = [Allowance(LIMIT) for _ in range(3)], [0]
    used = sum(one(several[turn], 5.0, part, count) for turn in turns)
    assert used <= LIMIT.hits
    # What is claimed and not used is all that is lost: less than a part with each of the others.
    if len(turns) >= LIMIT.hits:
        assert used > LIMIT.hits - 3 * part
    if part == 1:
        assert used == min(len(turns), LIMIT.hits)


def test_the_next_window_begins_anew_and_a_claim_of_the_last_one_comes_to_nothing() -> None:
    allowance = Allowance(LIMIT)
    allowance.claimed(59.0, 10, 10)
    assert sum(allowance.take(59.0) for _ in range(20)) == 10
    assert allowance.spent(59.0)
    assert not allowance.spent(60.0)
    assert not allowance.take(60.0)
    allowance.claimed(59.0, 10, 20)
    assert not allowance.take(60.0)
    allowance.claimed(60.0, 4, 4)
    assert allowance.left(60.0).uses == 10
    assert sum(allowance.take(61.0) for _ in range(20)) == 4
    assert (allowance.left(61.0).uses, allowance.left(61.0).seconds) == (6, 59.0)
    assert not allowance.is_over(119.0)
    assert allowance.is_over(120.0)


def test_a_clock_that_is_set_back_gives_nothing_twice() -> None:
    allowance = Allowance(LIMIT)
    allowance.claimed(60.0, 10, 10)
    assert sum(allowance.take(60.0) for _ in range(10)) == 10
    assert not allowance.take(30.0)
    assert allowance.spent(30.0)
