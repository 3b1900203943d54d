"""Counters in memory, where a flood of keys has filled them: who has to go first."""

from __future__ import annotations

from admit.stores.counters import MAX_COUNTERS, Counters

MINUTE = 60.0


def test_what_is_over_goes_before_what_still_counts_however_often_it_was_hit() -> None:
    counters = Counters()
    for number in range(MAX_COUNTERS - 1):
        counters.count(f"over {number}", MINUTE, 0, 3)
    assert counters.count("counts", MINUTE, 2 * MINUTE, 1) == 1
    assert len(counters) == MAX_COUNTERS
    assert counters.count("one more", MINUTE, 2 * MINUTE, 1) == 1
    assert len(counters) == 2
    assert counters.count("counts", MINUTE, 2 * MINUTE, 1) == 2
