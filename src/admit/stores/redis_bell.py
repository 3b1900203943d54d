"""How a Redis store hears that its log has grown: SUBSCRIBE, on a connection of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from redis.asyncio.connection import Connection
from redis.exceptions import RedisError

from admit.errors import StoreUnavailable
from admit.stores.bell import Ring

BEAT = 2.0
"""Seconds between two signs of life; a connection that gives none for two of them is lost."""


async def hear(connect: Callable[[], Awaitable[Connection]], channel: str, ring: Ring) -> None:
    """Ring for what others write, until the connection is lost."""
    with suppress(RedisError, StoreUnavailable, OSError, TimeoutError):
        line = await connect()
        try:
            await _listen(line, channel, ring)
        finally:
            with suppress(RedisError, OSError, TimeoutError):
                await line.disconnect(nowait=True)


async def _listen(line: Any, channel: str, ring: Ring) -> None:
    await line.send_command("SUBSCRIBE", channel)
    beating = asyncio.create_task(_beat(line))
    try:
        while True:
            async with asyncio.timeout(2 * BEAT):
                heard = await line.read_response()
            if heard[0] != b"pong":  # that it is subscribed now is said too, and rings
                ring()
    finally:
        beating.cancel()
        with suppress(asyncio.CancelledError, RedisError, OSError):
            await beating


async def _beat(line: Connection) -> None:
    while True:
        await asyncio.sleep(BEAT)
        await line.send_command("PING")
