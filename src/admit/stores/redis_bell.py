"""The doorbell of a Redis store: tells those who wait that the log may have grown, and is only ever a hint."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from redis.asyncio.connection import Connection
from redis.exceptions import RedisError

from admit.core.store import Page
from admit.errors import StoreUnavailable

AGAIN = 0.25
"""Seconds after which a connection that was lost is tried again."""

BEAT = 2.0
"""Seconds between two signs of life; a connection that gives none for two of them is lost."""


class Bell:
    """Listens to ``channel`` on a connection of its own while it is open, on the event loop that opened it.

    A connection that breaks is made anew; what may have been missed meanwhile is a ring.
    """

    def __init__(self, connect: Callable[[], Awaitable[Connection]], channel: str) -> None:
        self._connect = connect
        self._channel = channel
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

    def _ring(self) -> None:
        for bell in self._waiting:
            if not bell.done():
                bell.set_result(None)

    async def _listen(self) -> None:
        while True:
            with suppress(RedisError, StoreUnavailable, OSError, TimeoutError):
                line = await self._connect()
                try:
                    await self._hear(line)
                finally:
                    with suppress(RedisError, OSError, TimeoutError):
                        await line.disconnect(nowait=True)
            await asyncio.sleep(AGAIN)
            self._ring()

    async def _hear(self, line: Any) -> None:
        """Ring for each message, until the connection is lost."""
        await line.send_command("SUBSCRIBE", self._channel)
        beating = asyncio.create_task(_beat(line))
        try:
            while True:
                async with asyncio.timeout(2 * BEAT):
                    heard = await line.read_response()
                if heard[0] != b"pong":
                    self._ring()
        finally:
            beating.cancel()
            with suppress(asyncio.CancelledError, RedisError, OSError):
                await beating


async def _beat(line: Connection) -> None:
    while True:
        await asyncio.sleep(BEAT)
        await line.send_command("PING")
