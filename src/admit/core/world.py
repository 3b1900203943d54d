"""What the core does not own: time and chance, as protocols that callers hand in."""

from __future__ import annotations

from typing import Protocol


class Clock(Protocol):
    """Two clocks, read together wherever both matter."""

    def now(self) -> float:
        """Wall time: seconds since the Unix epoch. May be stepped by an operator."""

    def lease(self) -> float:
        """Elapsed time: seconds since some start; never goes back, counts while the machine is suspended."""


class Chance(Protocol):
    """A source of unpredictable bytes."""

    def __call__(self, size: int, /) -> bytes:
        """``size`` bytes from a cryptographically secure source."""
