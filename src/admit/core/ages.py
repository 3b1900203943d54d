"""How old what was known was at each acceptance, as a histogram that costs the warm path nothing."""

from __future__ import annotations

import threading
from bisect import bisect_left

from admit.core.tally import Tallies

EDGES = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""Seconds: the upper ends of the buckets. Nothing is accepted that is older than the last."""


class Ages:
    """Counts what ``tallies`` have accepted by the age of the lease at that moment.

    Between two proofs the age only grows. So whatever was accepted since it passed one edge, and before it passed the
    next, was accepted between the two, and it is enough to look at them where an edge is passed. What other
    threads accept in that same moment may be counted a bucket beside its own.
    """

    def __init__(self, tallies: Tallies) -> None:
        self.tallies = tallies
        self.counts = [0] * (len(EDGES) + 1)
        self._told = 0
        self._bucket = 0
        self._one_at_a_time = threading.Lock()

    def passed(self, age: float) -> float:
        """Count what was accepted up to now, at an ``age`` that has come; until which age that need not be done again."""
        # Whoever finds another at it comes again at the next use: nobody waits here, and a fork leaves no lock behind.
        if not self._one_at_a_time.acquire(blocking=False):
            return 0.0
        try:
            self.proven()
            self._bucket = bisect_left(EDGES, age)
        finally:
            self._one_at_a_time.release()
        return EDGES[self._bucket] if self._bucket < len(EDGES) else age

    def proven(self) -> None:
        """Count what was accepted up to now, at the age that is over: there is another proof."""
        accepted = self._accepted()
        self.counts[self._bucket] += accepted - self._told
        self._told = accepted

    def vouched(self, age: float) -> None:
        """Count something accepted, and put into a tally, by an answer about itself that is so old."""
        self.counts[bisect_left(EDGES, age)] += 1
        self._told += 1

    def counted(self) -> list[int]:
        """How many were accepted in each bucket, those of this moment included."""
        counts = self.counts.copy()
        counts[self._bucket] += self._accepted() - self._told
        return counts

    def _accepted(self) -> int:
        return sum(tally.accepted for tally in self.tallies.values())

    def begin_anew(self) -> None:
        """Go on in a forked child, where somebody may have been at it who is not there any more."""
        self._one_at_a_time = threading.Lock()
