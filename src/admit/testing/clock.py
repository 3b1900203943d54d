"""A clock that moves when it is told to, and is moved like the clocks of machines: forwards, and sometimes stepped."""

from __future__ import annotations

import time


class FakeClock:
    """Both clocks of :class:`admit.core.world.Clock`, standing still between two calls.

    It starts at the real now, because stores collect garbage by it and other parties read it in tokens.
    """

    def __init__(self, wall: float | None = None) -> None:
        self._wall = time.time() if wall is None else wall
        self._lease = 1_000.0

    def now(self) -> float:
        """Wall time: seconds since the Unix epoch."""
        return self._wall

    def lease(self) -> float:
        """Elapsed time, which never goes back."""
        return self._lease

    def advance(self, seconds: float) -> None:
        """Let ``seconds`` pass on both clocks."""
        if seconds < 0:
            raise ValueError("time does not pass backwards; step_wall sets the wall clock back")
        self._wall += seconds
        self._lease += seconds

    def step_wall(self, seconds: float) -> None:
        """Set the wall clock ahead, or back, by ``seconds``; no time passes."""
        self._wall += seconds
