"""How a PostgreSQL store hears that its log has grown: LISTEN, on a connection of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import asyncpg

from admit.stores.bell import Ring
from admit.stores.postgres_statements import NO_ANSWER

CHANNEL = "admit_log"

CLOSE = 1.0
"""Seconds that a server has for saying goodbye."""

STILL_THERE = 5.0
"""Seconds without a ring after which the other end is asked whether it is still there, and that it has to answer."""


async def hear(connect: Callable[[], Awaitable[asyncpg.Connection[asyncpg.Record]]], ring: Ring) -> None:
    """Ring for what others write, until the connection is lost."""

    def heard(*_: object) -> None:
        ring()

    with suppress(*NO_ANSWER):
        connection = await connect()
        try:
            broken = asyncio.Event()
            connection.add_termination_listener(lambda _: broken.set())
            await connection.add_listener(CHANNEL, heard)
            ring()
            while not await _within(STILL_THERE, broken.wait()):
                # A network that was cut says nothing, and a server that is gone has nothing to say.
                await connection.fetchval("SELECT 1", timeout=STILL_THERE)
        finally:
            with suppress(*NO_ANSWER):
                await connection.close(timeout=CLOSE)


async def _within(seconds: float, waited: Awaitable[object]) -> bool:
    """Whether what is ``waited`` for came about in that time."""
    try:
        async with asyncio.timeout(seconds):
            await waited
    except TimeoutError:
        return False
    return True
