"""How many bytes what is put into a store takes there: as its engine says, and in memory as Python does."""

from __future__ import annotations

import asyncio
import sqlite3
import tracemalloc
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager, closing, contextmanager

from admit.lab.strategy import Count

_OF_SCHEMA = """SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'admit' AND c.relkind = 'r'"""


async def taken(url: str) -> int:
    """Bytes of the store of Admit behind ``url``, with indexes, and with whatever else lies in that Redis.

    0 for memory. Raises Unavailable.
    """
    scheme, _, rest = url.partition("://")
    match scheme:
        case "sqlite":
            from admit.lab.tables import sqlite

            def weighed() -> int:
                with closing(sqlite3.connect(sqlite.path_of(rest))) as connection:
                    return sqlite.used(connection)

            return await asyncio.to_thread(weighed)
        case "postgresql":
            from admit.lab.tables import postgresql

            connections = await postgresql.pool(rest)
            async with postgresql.answering():
                found = int(await connections.fetchval(_OF_SCHEMA))
                await connections.close()
            return found
        case "redis" | "rediss":
            from admit.lab.tables import redis
            from admit.stores.redis_place import parse

            client = redis.connected(parse(scheme, rest), Count())
            async with redis.answering():
                found = await redis.used(client)
                await client.aclose()
            return found
        case _:
            return 0


@contextmanager
def _traced() -> Generator[None]:
    if tracemalloc.is_tracing():
        yield
        return
    tracemalloc.start()
    try:
        yield
    finally:
        tracemalloc.stop()


@asynccontextmanager
async def weighing(url: str, taken: Callable[[], Awaitable[int]]) -> AsyncGenerator[list[int]]:
    """By how many bytes the store grows inside, in the one place of a list; for memory, what Python allocates and keeps."""
    grown = [0]
    if url.startswith("memory:"):
        with _traced():
            before = tracemalloc.get_traced_memory()[0]
            yield grown
            grown[0] = tracemalloc.get_traced_memory()[0] - before
    else:
        before = await taken()
        yield grown
        grown[0] = await taken() - before
