"""Counters in memory: how often something happened in each window of time, for a bounded number of keys."""

from __future__ import annotations

from heapq import nsmallest
from itertools import islice

from admit.errors import StoreError

MAX_COUNTERS = 100_000
"""What a flood of keys can make a store remember."""

_Counter = tuple[str, float, int]


def window_of(window: float, now: float) -> int:
    """The number of the window around ``now``. Raises StoreError for a window that is no time."""
    if not 0 < window < float("inf"):
        raise StoreError(f"a window of {window} seconds cannot be counted in")
    return int(now // window)


class Counters:
    """Not safe for threads by itself."""

    def __init__(self) -> None:
        self._hits: dict[_Counter, int] = {}

    def __len__(self) -> int:
        return len(self._hits)

    def count(self, key: str, window: float, now: float, hits: int) -> int:
        """The hits of ``key`` in the window around ``now``, ``hits`` more of them included."""
        counter = key, window, window_of(window, now)
        there = max(0, self._hits.get(counter, 0) + hits)
        if there == 0:
            self._hits.pop(counter, None)
            return 0
        self._hits[counter] = there
        if len(self._hits) > MAX_COUNTERS:
            self._make_room(now)
        return there

    def purge(self, now: float, at_most: int) -> int:
        """Forget up to ``at_most`` counters whose window is over; how many there were."""
        late = list(islice((counter for counter in self._hits if _is_over(counter, now)), at_most))
        for counter in late:
            del self._hits[counter]
        return len(late)

    def _make_room(self, now: float) -> None:
        if self.purge(now, MAX_COUNTERS) < MAX_COUNTERS // 10:
            # Who floods with keys has few hits on each, and must not wash away the counter of one he is guessing at.
            for counter in nsmallest(MAX_COUNTERS // 2, self._hits, key=self._hits.__getitem__):
                del self._hits[counter]


def _is_over(counter: _Counter, now: float) -> bool:
    _, window, number = counter
    return (number + 1) * window < now
