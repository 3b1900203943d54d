"""The doorbell of a store behind a network: tells those who wait that the log may have grown, and is only ever a hint."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from admit.core.store import Page

AGAIN = 0.25
"""Seconds after which a connection that was lost is tried again."""

Ring = Callable[[], None]
"""Wakes everybody who waits."""

Hear = Callable[[Ring], Awaitable[None]]
"""Listens on a connection of its own, rings once it does and for all news, and returns when the connection is lost."""


class Bell:
    """Listens by ``hear`` while it is open, on the event loop that opened it.

    A connection that breaks is made anew; what may have been missed meanwhile is a ring.
    """

    def __init__(self, hear: Hear) -> None:
        self._hear = hear
        self._waiting: set[asyncio.Future[None]] = set()
        self._listening: asyncio.Task[None] | None = None

    async def rung(self, within: float, read: Callable[[], Awaitable[Page]]) -> Page:
        """What ``read`` finds now; if that is nothing, it is returned at the next ring, or after ``within`` seconds."""
        if self._listening is None:
            self._listening = asyncio.create_task(self._listen())
        bell = asyncio.get_running_loop().create_future()
        # Before reading, or an entry could come in between and ring for nobody.
        self._waiting.add(bell)
        try:
            page = await read()
            if not page.entries:
                await asyncio.wait((bell,), timeout=within)
            return page
        finally:
            self._waiting.remove(bell)

    async def close(self) -> None:
        """Listen no more, and keep nobody waiting."""
        listening, self._listening = self._listening, None
        if listening is not None:
            listening.cancel()
            with suppress(asyncio.CancelledError):
                await listening
        self._ring()

    def _ring(self) -> None:
        for bell in self._waiting:
            if not bell.done():
                bell.set_result(None)

    async def _listen(self) -> None:
        while True:
            await self._hear(self._ring)
            await asyncio.sleep(AGAIN)
            self._ring()
