"""How often something may still be used in this window, by one of several who share its limit."""

from __future__ import annotations

import math

import msgspec

from admit.core.throttle import Limit


class Left(msgspec.Struct, frozen=True):
    """What is left of a ``limit``: ``uses`` within the next ``seconds``."""

    limit: Limit
    uses: int
    seconds: float


class Allowance:
    """Uses that were claimed from a common count, and are taken one by one. Not for several threads at once."""

    __slots__ = ("_counted", "_held", "_window", "limit")

    def __init__(self, limit: Limit) -> None:
        self.limit = limit
        self._window = -1
        self._held = 0
        self._counted = 0

    def at(self, now: float) -> float:
        """``now``, unless the clock was set back a little: then a moment of the window that has begun already."""
        return now if self._number(now) != self._window - 1 else (self._window + 0.5) * self.limit.window

    def take(self, now: float) -> bool:
        """Use one of those that were claimed; whether there was one."""
        self._turn(now)
        if self._held == 0:
            return False
        self._held -= 1
        return True

    def claimed(self, now: float, uses: int, counted: int) -> None:
        """Have ``uses`` more, of which those count that are within the limit: ``counted`` are all, these included."""
        if self._number(now) < self._window:
            return  # of a window that is over
        self._turn(now)
        # Of two answers the later may come first.
        self._counted = max(self._counted, counted)
        self._held += max(0, min(uses, self.limit.hits - (counted - uses)))

    def spent(self, now: float) -> bool:
        """Whether there is nothing left to claim in this window."""
        self._turn(now)
        return self._held == 0 and self._counted >= self.limit.hits

    def left(self, now: float) -> Left:
        """What is left, as far as it is known here."""
        self._turn(now)
        uses = max(0, self.limit.hits - self._counted) + self._held
        return Left(self.limit, min(uses, self.limit.hits), self.limit.rest(now))

    def is_over(self, now: float) -> bool:
        """Whether this says nothing any more."""
        return self._number(now) > self._window

    def _turn(self, now: float) -> None:
        number = self._number(now)
        # A clock that was set back by more was wrong before: what it said must not hold until that time comes.
        if number > self._window or number < self._window - 1:
            self._window, self._held, self._counted = number, 0, 0

    def _number(self, now: float) -> int:
        return math.floor(now / self.limit.window)
