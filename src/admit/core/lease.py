"""The lease: how long ago this process knew all that had ended, and how long that may be ago."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from admit.core.ages import Ages
from admit.core.faults import is_number
from admit.core.presented import DOORS
from admit.core.store import Cursor, Page
from admit.core.tally import begun
from admit.core.world import Clock
from admit.errors import Stale


@dataclass(frozen=True, slots=True)
class Moment:
    """Both clocks, read together (seconds)."""

    wall: float
    lease: float

    @classmethod
    def of(cls, clock: Clock) -> Self:
        """Now."""
        return cls(clock.now(), clock.lease())

    def since(self, earlier: Moment) -> float:
        """Seconds from ``earlier`` to here, by whichever clock says more: one may have stood still."""
        return max(self.wall - earlier.wall, self.lease - earlier.lease)


MAX_STALENESS = 2.0
"""Seconds by which what a verifier knows may be old when it accepts, where nothing else is said."""


SHORTEST = 0.05
"""Seconds that ``max_staleness`` has to be: less, and no network keeps up."""


LONGEST = 60.0
"""Seconds that ``max_staleness`` may be, at most."""


CLOCKS_RUN = 1.01
"""How much faster than another a clock may run, at most: what it counts is a hundredth longer elsewhere."""


def bound(seconds: float) -> float:
    """``seconds`` as a bound of staleness. Raises ValueError: 50 ms is the least that a network keeps up with."""
    if not is_number(seconds, SHORTEST, LONGEST):
        raise ValueError(f"max_staleness is {seconds!r}; write {SHORTEST:g} to {LONGEST:g} seconds.")
    return seconds


def _nothing() -> None:
    """Nobody has to be told."""


NEVER = Moment(-math.inf, -math.inf)


class Lease:
    """When the last read that came to the end of the log was *sent*: all that had ended by then is known here.

    Not when its answer came: an answer that was held back on its way is as old as the question.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.fresh_as_of = NEVER
        self.renewed: list[Callable[[], None]] = []
        self.heard: Callable[[], None] = _nothing

    def prove(self, sent: Moment) -> None:
        """Stand behind a read of the log to its end that was sent at ``sent``, and tell whom ``renewed`` names.

        ``heard`` is told before: by what was read, less may be allowed.
        """
        self.heard()
        self.fresh_as_of = sent
        for told in self.renewed:
            told()

    def lose(self) -> None:
        """Stand behind nothing: this process was forked, or its clock was set back."""
        self.fresh_as_of = NEVER

    @property
    def age(self) -> float:
        """Seconds since all that had ended was known here; infinite before the first time."""
        fresh_as_of = self.fresh_as_of  # before the clock is read: what comes between makes it older, never younger
        return Moment.of(self._clock).since(fresh_as_of)


_NONE = -1.0  # an edge that every age is beyond: the next use looks closely


class Bounded:
    """A lease as the end of a log, for whoever accepts what is at most ``bound`` seconds old.

    What a stamp is to an embedded store, the age of the lease is to a verifier: looked at on every use, after
    whatever was waited for. There is nothing to read, because the log is followed from elsewhere: ``wanted`` is
    called, so that somebody does. ``ages`` is told how old what was known was when it was accepted by.
    """

    __slots__ = ("_bound", "_edge", "_lease", "_lease_now", "_now", "_wanted", "ages")

    def __init__(
        self, lease: Lease, clock: Clock, bound: float, wanted: Callable[[], None], ages: Ages | None = None
    ) -> None:
        self._lease = lease
        self._wanted = wanted
        self._bound = bound
        self._edge = _NONE
        self._now = clock.now
        self._lease_now = clock.lease
        self.ages = ages or Ages(begun(DOORS))
        lease.renewed.append(self._renewed)

    @property
    def bound(self) -> float:
        """Seconds by which what is known may be old when it is accepted by."""
        return self._bound

    @bound.setter
    def bound(self, seconds: float) -> None:
        self._bound = seconds
        self._edge = _NONE

    def moved(self, stamp: bytes) -> bool:
        """Whether the log may hold what is not known here: nothing proves that it does not. About 150 ns."""
        fresh, edge = self._lease.fresh_as_of, self._edge
        # Nearly always one comparison for each clock: the edge is never beyond the bound.
        return (
            not stamp  # the copy started over, and is not at the end of the log again
            or self._lease_now() - fresh.lease > edge
            or self._now() - fresh.wall > edge
        ) and self._is_beyond(stamp)

    def _is_beyond(self, stamp: bytes) -> bool:
        age = self._lease.age
        self._edge = min(self.ages.passed(age), self._bound)
        if self._edge > self._bound:  # which was lowered meanwhile
            self._edge = _NONE
        return not stamp or age > self._bound

    def _renewed(self) -> None:
        self.ages.proven()
        self._edge = _NONE

    def read(self, after: Cursor | None) -> Page:
        """Raises Stale: whoever follows the log reads it, and nobody waits for him here."""
        del after
        self._wanted()
        raise Stale(f"the end of the log was last seen {self._lease.age:.3f} s ago, and {self.bound:g} s are allowed")

    def check(self) -> None:
        """A verifier has no database that could be replaced."""
