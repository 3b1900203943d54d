"""A store in PostgreSQL, for any number of servers: each verb is one round trip, each commit one transaction."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar
from urllib.parse import parse_qsl, urlsplit

import asyncpg

from admit.core.store import Change, Cursor, Found, Key, Page, Record
from admit.core.world import Chance
from admit.errors import AdmitError, ConfigError, StoreUnavailable
from admit.stores import asked, postgres_schema
from admit.stores import postgres_statements as statements
from admit.stores.postgres_bell import Bell
from admit.stores.postgres_statements import Connection
from admit.system import chance as system_chance

PATIENCE = 5.0
"""Seconds that a question waits, for a connection that is free and for its answer."""

CONNECTIONS = 10

T = TypeVar("T")

Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"

# A server that ends what takes too long does not go on with what nobody waits for any more.
_SETTINGS = {
    "application_name": "admit",
    "statement_timeout": f"{PATIENCE:g}s",
    "lock_timeout": f"{PATIENCE:g}s",
    "idle_in_transaction_session_timeout": f"{PATIENCE:g}s",
}

Question: TypeAlias = Callable[[Connection], Awaitable[T]]
"""What is asked on a connection that is free."""


@dataclass(frozen=True, slots=True)
class _Opened:
    """The connections, and to whom they belong."""

    pool: Pool
    bell: Bell
    loop: asyncio.AbstractEventLoop
    process: int

    @property
    def serves(self) -> bool:
        """Whether there is somebody who answers: a forked child is alone with what its parent opened."""
        return self.process == os.getpid() and not self.loop.is_closed()


class PostgresStore:
    """Keeps everything in the schema ``admit`` of the database at ``url``, made at the first :meth:`open`.

    At most ``connections`` are open, and one more to hear of news. They belong to the event loop that opens the
    store; who asks from another one is answered through it. A forked child opens a store of its own.
    """

    partitioned = False
    tail = None

    def __init__(self, url: str, *, connections: int = CONNECTIONS, chance: Chance = system_chance) -> None:
        self._url = url
        self._connections = connections
        self._chance = chance
        self._all: _Opened | None = None

    def own_secret(self, *, make: bool) -> bytes:
        """None: it would lie beside what it seals. Raises ConfigError."""
        del make
        raise ConfigError(["A PostgreSQL store keeps no master secret. Write one: secret, or ADMIT_SECRET."])

    def again(self) -> PostgresStore:
        """The same, with connections of its own."""
        return PostgresStore(self._url, connections=self._connections, chance=self._chance)

    async def open(self) -> None:
        """Connect, and make the schema in a database that has none. Raises StoreUnavailable, ConfigError."""
        if self._all is not None and self._all.serves:
            return
        pool = asyncpg.create_pool(
            self._url, min_size=0, max_size=self._connections, timeout=PATIENCE, server_settings=_SETTINGS
        )
        try:
            await pool
            await _answered(pool, postgres_schema.prepare)
        except BaseException as error:
            pool.terminate()
            if fault := postgres_schema.fault(error.__cause__):
                raise ConfigError([fault]) from error
            raise
        here = _Opened(pool, Bell(self._connect), asyncio.get_running_loop(), os.getpid())
        if self._all is None or not self._all.serves:
            self._all = here
        else:  # another task was faster
            await _closed(here)

    async def close(self) -> None:
        """Finish what was asked for, and disconnect."""
        opened, self._all = self._all, None
        if opened is not None and opened.serves:
            await _on(opened.loop, _closed(opened))

    async def get(self, *keys: Key) -> list[Record | None]:
        """The records of ``keys`` at one moment."""
        for key in keys:
            asked.text(*key)
        return await self._ask(lambda connection: statements.get(connection, keys))

    async def find(self, kind: str, tag: str, *, after: Cursor | None = None, limit: int = 100) -> Found:
        """A page of the records of ``kind`` that bear ``tag``, in the order of their ids."""
        asked.text(kind, tag)
        return await self._ask(lambda connection: statements.find(connection, kind, tag, after, limit))

    async def commit(self, *changes: Change) -> None:
        """All of the changes, durably, or none."""
        asked.changes(changes)
        await self._ask(lambda connection: statements.commit(connection, changes, self._chance))

    async def log(self, topic: str, after: Cursor | None, *, limit: int = 1_000, wait: float = 0.0) -> Page:
        """Entries after a cursor, in the order of their commits; where there are none, waits for a ring."""
        asked.text(topic)

        async def read() -> Page:
            return await self._ask(lambda connection: statements.log(connection, topic, after, limit))

        if wait <= 0:
            return await read()
        opened = self._opened
        rung = await _on(opened.loop, opened.bell.rung(wait, read))
        return rung if rung.entries else await read()

    async def purge(self, now: float) -> int:
        """Remove what expired more than a day before ``now``."""
        return await self._ask(lambda connection: statements.purge(connection, now))

    async def count(self, key: str, window: float, now: float, *, hits: int = 1) -> int:
        """The hits of ``key`` in the window around ``now``, by all servers."""
        asked.text(key)
        return await self._ask(lambda connection: statements.count(connection, key, window, now, hits))

    @property
    def _opened(self) -> _Opened:
        if self._all is None or not self._all.serves:
            raise StoreUnavailable("this store is not open")
        return self._all

    async def _ask(self, question: Question[T]) -> T:
        opened = self._opened
        return await _on(opened.loop, _answered(opened.pool, question))

    async def _connect(self) -> asyncpg.Connection[asyncpg.Record]:
        return await asyncpg.connect(self._url, timeout=PATIENCE, server_settings=_SETTINGS)


async def _closed(opened: _Opened) -> None:
    await opened.bell.close()
    try:
        async with asyncio.timeout(PATIENCE):
            await opened.pool.close()
    except TimeoutError:
        opened.pool.terminate()


async def _on(loop: asyncio.AbstractEventLoop, asked: Coroutine[Any, Any, T]) -> T:
    """What ``asked`` returns on ``loop``, whichever this one is."""
    if loop is asyncio.get_running_loop():
        return await asked
    return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(asked, loop))


async def _answered(pool: Pool, question: Question[T]) -> T:
    """What the database answers; whatever else happens is that it gave no answer."""
    try:
        connection = await pool.acquire(timeout=PATIENCE)
        # Cut, not cancelled: to be cancelled, a server would have to answer.
        cut = asyncio.get_running_loop().call_later(PATIENCE, connection.terminate)
        try:
            return await question(connection)
        finally:
            cut.cancel()
            await pool.release(connection, timeout=PATIENCE)
    except AdmitError:
        raise
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
        raise StoreUnavailable(f"PostgreSQL: {type(error).__name__}: {error}") from error


def absent(rest: str, *, begins: bool) -> str | None:
    """Another process may have begun it: whether it is there shows when it is opened."""
    del rest, begins
    return None


def from_url(rest: str, *, accept_lost_history: bool) -> PostgresStore:
    """The store behind ``postgresql://user:password@host/database``, ``?connections=10`` among its options."""
    del accept_lost_history
    parts = urlsplit(f"postgresql://{rest}")
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    connections = options.pop("connections", str(CONNECTIONS))
    if not connections.isdecimal() or not 2 <= int(connections) <= 1_000:
        raise ConfigError([f"connections={connections} in the store's URL; write 2 to 1000."])
    query = "&".join(f"{name}={value}" for name, value in options.items())
    return PostgresStore(parts._replace(query=query).geturl(), connections=int(connections))
