"""The doorbell of a PostgreSQL store: tells those who wait that the log may have grown, and is only ever a hint."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import asyncpg

from admit.core.store import Page
from admit.stores.postgres_statements import NO_ANSWER

CHANNEL = "admit_log"

CLOSE = 1.0
"""Seconds that a server has for saying goodbye."""

STILL_THERE = 5.0
"""Seconds without a ring after which the other end is asked whether it is still there, and that it has to answer."""

AGAIN = 0.25
"""Seconds after which a connection that was lost is tried again."""


class Bell:
    """Listens on a connection of its own while it is open, on the event loop that opened it.

    A connection that breaks is made anew; what may have been missed meanwhile is a ring.
    """

    def __init__(self, connect: Callable[[], Awaitable[asyncpg.Connection[asyncpg.Record]]]) -> None:
        self._connect = connect
        self._waiting: set[asyncio.Future[None]] = set()
        self._listening: asyncio.Task[None] | None = None

    async def rung(self, within: float, read: Callable[[], Awaitable[Page]]) -> Page:
        """What ``read`` finds now; if that is nothing, return it at the next ring, or after ``within`` seconds."""
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

    def _ring(self, *_: object) -> None:
        for bell in self._waiting:
            if not bell.done():
                bell.set_result(None)

    async def _listen(self) -> None:
        while True:
            with suppress(*NO_ANSWER):
                connection = await self._connect()
                try:
                    broken = asyncio.Event()
                    connection.add_termination_listener(lambda _, broken=broken: broken.set())
                    await connection.add_listener(CHANNEL, self._ring)
                    self._ring()
                    while not await _within(STILL_THERE, broken.wait()):
                        # A network that was cut says nothing, and a server that is gone has nothing to say.
                        await connection.fetchval("SELECT 1", timeout=STILL_THERE)
                finally:
                    with suppress(*NO_ANSWER):
                        await connection.close(timeout=CLOSE)
            await asyncio.sleep(AGAIN)
            self._ring()


async def _within(seconds: float, waited: Awaitable[object]) -> bool:
    """Whether what is ``waited`` for came about in that time."""
    try:
        async with asyncio.timeout(seconds):
            await waited
    except TimeoutError:
        return False
    return True
