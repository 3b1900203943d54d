"""Who is in the live lab: a bounded number of visitors, each of whom is forgotten when he stays away."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable

from admit.errors import TooMany
from admit.lab.live.visit import Visit

AT_MOST = 16
"""Visitors at a time."""

IDLE = 30 * 60.0
"""Seconds after which somebody who did nothing is forgotten."""

_PRESSED = 60.0
"""Seconds after which somebody who did nothing makes room for another, where there is none."""

_ID_BYTES = 24


class Visitors:
    """The visitors by ids that nobody can guess; ``visit`` makes what each of them gets, ``now`` is a clock in seconds."""

    def __init__(self, visit: Callable[[], Visit], now: Callable[[], float] = time.monotonic) -> None:
        self._visit = visit
        self._now = now
        self._visits = dict[str, Visit]()
        self._used = dict[str, float]()
        self._sweeping: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._visits)

    def get(self, id: str) -> Visit | None:
        """The visit ``id``, which is in use now."""
        visit = self._visits.get(id)
        if visit is not None:
            self._used[id] = self._now()
        return visit

    async def begin(self) -> tuple[str, Visit]:
        """A new visit and its id. Raises TooMany when everybody who is here is busy."""
        await self.forget(IDLE)
        if len(self._visits) >= AT_MOST:
            await self.forget(_PRESSED, at_most=1)
        if len(self._visits) >= AT_MOST:
            raise TooMany("the live lab is full", retry_after=_PRESSED)
        id, visit = secrets.token_urlsafe(_ID_BYTES), self._visit()
        self._visits[id], self._used[id] = visit, self._now()
        if self._sweeping is None or self._sweeping.done():
            self._sweeping = asyncio.create_task(self._sweep())
        return id, visit

    async def forget(self, idle: float, *, at_most: int = AT_MOST) -> None:
        """Forget those who did nothing for ``idle`` seconds, the longest first, and stop what runs for them."""
        late = sorted((used, id) for id, used in self._used.items() if self._now() - used >= idle)
        # All of them before anything is waited for: meanwhile others forget, and whoever is late may come back.
        over = [self._visits.pop(id) for _, id in late[:at_most]]
        for _, id in late[:at_most]:
            del self._used[id]
        for visit in over:
            await visit.close()

    async def _sweep(self) -> None:
        while self._visits:
            await asyncio.sleep(_PRESSED)
            await self.forget(IDLE)
