"""A store in PostgreSQL, for any number of servers: each verb is one round trip, each commit one transaction."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

import asyncpg

from admit.core.store import Append, Change, Cursor, Found, Insert, Key, Page, Record
from admit.core.world import Chance
from admit.errors import ConfigError, StoreUnavailable
from admit.stores import asked, postgres_fitness, postgres_schema
from admit.stores import postgres_statements as statements
from admit.stores.bell import Bell
from admit.stores.examined import Examined
from admit.stores.loops import on
from admit.stores.opened import Opened, Openings
from admit.stores.postgres_bell import hear
from admit.stores.postgres_lines import CLOSE, Lines, Question
from admit.stores.postgres_statements import Connection
from admit.stores.postgres_url import Place, parsed
from admit.stores.together import Together
from admit.system import chance as system_chance

MIGRATE = 3_600.0
"""Seconds that a step of a migration may take."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Opened(Opened[Lines]):
    """With what is read for several tasks in one question."""

    reads: Together


class PostgresStore:
    """Keeps everything in the schema ``admit`` of the database at ``place``, made at the first :meth:`open`.

    Its connections, and one more to hear of news, belong to the event loop that opens the store; who asks from another
    one is answered through it. A forked child opens a store of its own.
    """

    partitioned = False
    lag = 0.0
    tail = None

    def __init__(self, place: Place, *, chance: Chance = system_chance) -> None:
        self._place = place
        self._chance = chance
        self._openings = Openings[_Opened]()

    def own_secret(self, *, make: bool) -> bytes:
        """None: it would lie beside what it seals. Raises ConfigError."""
        del make
        raise ConfigError(["A PostgreSQL store keeps no master secret. Write one: secret, or ADMIT_SECRET_FILE."])

    def again(self) -> PostgresStore:
        """The same, with connections of its own."""
        return PostgresStore(self._place, chance=self._chance)

    async def open(self) -> None:
        """Connect, and make the schema in a database that has none. Raises StoreUnavailable, ConfigError."""
        if self._openings.serves:
            return
        lines = await _begun(self._place, _adopted)
        reads = Together(lambda keys: lines.ask(lambda free: statements.get(free, keys)))
        await self._openings.begin(_Opened(lines=lines, reads=reads, bell=Bell(partial(hear, self._connect))))

    async def close(self) -> None:
        """Finish what was asked for, and disconnect."""
        await self._openings.end()

    async def get(self, *keys: Key) -> list[Record | None]:
        """The records of ``keys`` at one moment."""
        for key in keys:
            asked.text(*key)
        opened, place = self._openings.now, self._place
        try:
            # Of those who wait for questions before theirs, too, nobody waits for longer than he would for his own.
            async with asyncio.timeout(place.connect_timeout + place.statement_timeout):
                return await on(opened.loop, opened.reads.get(keys))
        except TimeoutError as error:
            raise StoreUnavailable("PostgreSQL: there was no answer in time") from error

    async def find(self, kind: str, tag: str, *, after: Cursor | None = None, limit: int = 100) -> Found:
        """A page of the records of ``kind`` that bear ``tag``, in the order of their ids."""
        asked.text(kind, tag)
        return await self._ask(lambda connection: statements.find(connection, kind, tag, after, limit))

    async def commit(self, *changes: Change) -> None:
        """All of the changes, durably, or none."""
        asked.changes(changes)
        await self._ask(lambda connection: statements.commit(connection, changes, self._chance))

    async def log(self, topic: str, after: Cursor | None, *, limit: int = 1_000, wait: float = 0.0) -> Page:
        """Entries after a cursor, in the order of their commits; where there are none, waits for a ring and says so."""
        asked.text(topic)

        async def read() -> Page:
            return await self._ask(lambda connection: statements.log(connection, topic, after, limit))

        if wait <= 0:
            return await read()
        opened = self._openings.now
        return await on(opened.loop, opened.bell.rung(wait, read))

    async def purge(self, now: float) -> int:
        """Remove what expired more than a day before ``now``."""
        return await self._ask(lambda connection: statements.purge(connection, now))

    async def count(self, key: str, window: float, now: float, *, hits: int = 1) -> int:
        """The hits of ``key`` in the window around ``now``, by all servers."""
        asked.text(key)
        return await self._ask(lambda connection: statements.count(connection, key, window, now, hits))

    async def dump(self) -> AsyncGenerator[Insert | Append]:
        """All that is there, from one snapshot, on a connection of its own: it takes longer than a question may."""
        _ = self._openings.now
        try:
            connection = await self._connect()
            try:
                await connection.execute("SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0")
                async with connection.transaction(isolation="repeatable_read", readonly=True):
                    async for change in statements.dump(connection):
                        yield change
            finally:
                await connection.close(timeout=CLOSE)
        except statements.NO_ANSWER as error:
            raise StoreUnavailable(f"PostgreSQL: {type(error).__name__}: {error}") from error

    async def _ask(self, question: Question[T]) -> T:
        opened = self._openings.now
        return await on(opened.loop, opened.lines.ask(question))

    async def _connect(self) -> asyncpg.Connection[asyncpg.Record]:
        return await asyncpg.connect(**self._place.arguments)


async def _adopted(connection: Connection) -> None:
    await postgres_fitness.judge(connection)
    await postgres_schema.adopt(connection)


def absent(rest: str, *, begins: bool) -> str | None:
    """Another process may have begun it: whether it is there shows when it is opened."""
    del rest, begins
    return None


async def migrated(rest: str) -> tuple[int, int]:
    """The version of the schema before (0: there was none) and after it was brought up to date. Raises ConfigError."""
    # Whoever waits for an index to be built is an operator, who has the time.
    place = replace(parsed(rest), statement_timeout=MIGRATE, lock_timeout=MIGRATE)
    return await _once(place, postgres_schema.migrate)


async def examined(rest: str) -> Examined:
    """What there is to say of the server behind a URL; it changes nothing. Raises ConfigError, StoreUnavailable."""
    place = parsed(rest)

    async def look(connection: Connection) -> Examined:
        findings = await postgres_fitness.examined(connection, place.connections)
        version = await postgres_schema.version_of(connection)
        return Examined([*findings, postgres_schema.found(version)], version == postgres_schema.SCHEMA)

    return await _once(place, look)


async def _begun(place: Place, first: Question[object]) -> Lines:
    """Connections on which ``first`` was asked. Raises ConfigError, StoreUnavailable."""
    lines = Lines(place)
    try:
        await lines.ask(first)
    except BaseException as error:
        lines.give_up()
        if fault := postgres_fitness.fault(error.__cause__):
            raise ConfigError([fault]) from error
        raise
    return lines


async def _once(place: Place, question: Question[T]) -> T:
    """What is answered on a connection made for it. Raises ConfigError, StoreUnavailable."""
    answers: list[T] = []

    async def ask(connection: Connection) -> None:
        answers.append(await question(connection))

    await (await _begun(place, ask)).close()
    return answers[0]


def from_url(rest: str, *, accept_lost_history: bool) -> PostgresStore:
    """The store behind ``postgresql://user:password@host/database``, with the options of :mod:`postgres_url`."""
    del accept_lost_history
    return PostgresStore(parsed(rest))
