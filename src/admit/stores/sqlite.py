"""A store in one SQLite file, for any number of threads and processes on one machine.

Three threads own a connection each: one writes, one reads, one counts. The writer commits all that waits for it
in one transaction (group commit), and nobody is told of a commit before it is on disk.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncGenerator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from admit.core.store import PURGE_AT_MOST, Append, Change, Cursor, Found, Insert, Key, Page, Record
from admit.core.world import Chance
from admit.errors import ConfigError, LostHistory, StoreUnavailable
from admit.stores import asked, secret_file, sqlite_examined
from admit.stores import sqlite_statements as statements
from admit.stores.examined import Examined
from admit.stores.lane import Job, Lane
from admit.stores.sqlite_counters import SqliteCounters
from admit.stores.sqlite_file import SCHEMA_VERSION, SqliteFile, adopt, insist, version_of
from admit.stores.sqlite_tail import SqliteTail
from admit.stores.stamp import NOTHING
from admit.system import chance as system_chance

PATIENCE = 5.0
"""Seconds that a writer or reader waits for the locks of other processes."""


@dataclass(frozen=True, slots=True)
class _Opened:
    writer: Lane
    reader: Lane
    counter: Lane
    held: ExitStack


class SqliteStore:
    """Keeps everything in the file at ``path``, which is made at the first :meth:`open`.

    Any event loop and thread of the process may use it, and other processes may use the same file. A forked
    child opens a store of its own. ``accept_lost_history`` opens a database that was replaced, for
    ``admit restore``.
    """

    partitioned = False
    lag = 0.0

    def __init__(self, path: str | Path, *, accept_lost_history: bool = False, chance: Chance = system_chance) -> None:
        self._file = SqliteFile(Path(path).absolute())
        self.tail = SqliteTail(self._file)
        self._counters = SqliteCounters(self._file.path.with_name(f"{self._file.path.name}-counts"))
        self._accept_lost_history = accept_lost_history
        self._chance = chance
        self._opening = threading.Lock()
        self._all: _Opened | None = None
        # An accepted loss stays in evidence until a commit is done that ends what was lost: it may never come to it.
        self._lost = False

    def own_secret(self, *, make: bool) -> bytes:
        """The secret in a file beside the database, readable by its owner alone."""
        path = self._file.path.with_name(f"{self._file.path.name}-secret")
        return secret_file.read_or_make(path, self._chance) if make else secret_file.read(path)

    def again(self) -> SqliteStore:
        """Itself: any event loop may ask it."""
        return self

    async def open(self) -> None:
        """Make or open the file. Raises LostHistory, StoreUnavailable, ConfigError."""
        await asyncio.to_thread(self._open)

    async def close(self) -> None:
        """Finish what was asked for, and let go of the file."""
        await asyncio.to_thread(self._close)

    async def get(self, *keys: Key) -> list[Record | None]:
        """The records of ``keys`` at one moment."""
        return await self._opened.reader.ask(partial(statements.get, keys))

    async def find(self, kind: str, tag: str, *, after: Cursor | None = None, limit: int = 100) -> Found:
        """A page of the records of ``kind`` that bear ``tag``, in the order of their ids."""
        return await self._opened.reader.ask(partial(statements.find, kind, tag, after, limit))

    async def commit(self, *changes: Change) -> None:
        """All of the changes, on disk, or none. Who stops waiting for it does not undo it."""
        asked.changes(changes)
        await self._opened.writer.ask(partial(statements.commit, changes, self._chance))

    async def log(self, topic: str, after: Cursor | None, *, limit: int = 1_000, wait: float = 0.0) -> Page:
        """Entries after a cursor, in the order of their commits."""
        del wait  # its tail says when to come again
        return await self._opened.reader.ask(partial(statements.log, topic, after, limit))

    async def purge(self, now: float) -> int:
        """Remove what expired more than a day before ``now``."""
        removed = await self._opened.writer.ask(partial(statements.purge, now))
        return removed + await self._opened.counter.ask(partial(self._counters.purge, now, PURGE_AT_MOST - removed))

    async def count(self, key: str, window: float, now: float, *, hits: int = 1) -> int:
        """The hits of ``key`` in the window around ``now``, by all processes."""
        return await self._opened.counter.ask(partial(self._counters.count, key, window, now, hits))

    async def dump(self) -> AsyncGenerator[Insert | Append]:
        """All that is there, from one snapshot, on a connection of its own."""
        if self._all is None:
            raise StoreUnavailable("this store is not open")
        try:
            connection = await asyncio.to_thread(self._file.connect, patience=PATIENCE, read_only=True)
            try:
                self._file.check()
                pages = statements.dump(connection)
                while page := await asyncio.to_thread(next, pages, None):
                    for change in page:
                        yield change
            finally:
                await asyncio.to_thread(connection.close)
        except sqlite3.Error as error:
            raise StoreUnavailable(f"SQLite: {error}") from error

    @property
    def _opened(self) -> _Opened:
        if self._all is None:
            raise StoreUnavailable("this store is not open")
        return self._all

    def _open(self) -> None:
        with self._opening, ExitStack() as held:
            if self._all is not None:
                return
            self._file.make()
            held.callback(self._file.stamp.close)
            try:
                writing = held.enter_context(closing(self._file.connect(patience=0.0)))
                reading = held.enter_context(closing(self._file.connect(patience=PATIENCE, read_only=True)))
                self._start(writing)
                self._file.remember()
                held.enter_context(self.tail.attached())
                counter = self._counters.open(held)
            except sqlite3.Error as error:
                if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_NOTADB:
                    raise ConfigError([f"{self._file.path} is no SQLite database. Write another file."]) from error
                raise StoreUnavailable(f"SQLite: {error}") from error
            writer = Lane("admit-sqlite-writer", partial(self._write, writing))
            reader = Lane("admit-sqlite-reader", partial(self._read, reading))
            self._all = _Opened(writer, reader, counter, held.pop_all())

    def _start(self, connection: sqlite3.Connection) -> None:
        """With the write lock, nobody is between stamp and COMMIT: what the log says is what the stamp must say."""
        insist(connection, "BEGIN IMMEDIATE", PATIENCE)
        try:
            adopt(connection, self._file.path)
            last = statements.last_stamp(connection)
            stamp = self._file.stamp
            stamp.open(last)
            known = stamp.settled == NOTHING or statements.bears(connection, stamp.settled)
            if not known and not self._accept_lost_history:
                raise LostHistory(f"{self._file.path} is older than what was acknowledged from it, or another database")
            stamp.head = last
            self._lost = not known
            if known:
                stamp.settled = last
            connection.execute("COMMIT")
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")

    def _close(self) -> None:
        with self._opening:
            opened, self._all = self._all, None
            if opened is not None:
                opened.writer.close()
                opened.reader.close()
                opened.counter.close()
                opened.held.close()

    def _read(self, connection: sqlite3.Connection, jobs: Sequence[Job[Any]]) -> None:
        self._file.check()
        for job in jobs:
            job.run(connection)

    def _write(self, connection: sqlite3.Connection, jobs: Sequence[Job[Any]]) -> None:
        insist(connection, "BEGIN IMMEDIATE", PATIENCE)
        try:
            self._file.check()
            stamp = self._file.stamp
            before = statements.last_stamp(connection)
            if not self._lost:
                # While the lock is held, the last entry is certainly in the database, and this batch changes that.
                stamp.settled = before
            for job in jobs:
                connection.execute("SAVEPOINT job")
                job.run(connection)
                if job.error is not None:
                    connection.execute("ROLLBACK TO job")
                connection.execute("RELEASE job")
            after = statements.last_stamp(connection)
            if after != before:
                # Before COMMIT: a verification that starts after it must find the stamp moved.
                stamp.head = after
            connection.execute("COMMIT")
            if stamp.head == after:
                stamp.settled, self._lost = after, False
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")


def absent(rest: str, *, begins: bool) -> str | None:
    """What is to be told to a command where there is no database; None where there is, or may be begun."""
    path = _path(rest).absolute()
    if begins or path.exists():
        return None
    return f"There is no database {path}. Write the --store of the server, or begin one: admit accounts create"


async def migrated(rest: str) -> tuple[int, int]:
    """The version of the schema before (0: there was none) and after it was brought up to date. Raises ConfigError, StoreError."""
    store = from_url(rest, accept_lost_history=False)
    before = await asyncio.to_thread(version_of, _path(rest))
    await store.open()
    await store.close()
    return before, SCHEMA_VERSION


async def examined(rest: str) -> Examined:
    """What there is to say of the files behind a URL; it changes nothing. Raises ConfigError."""
    from_url(rest, accept_lost_history=False)
    return await asyncio.to_thread(sqlite_examined.examined, _path(rest))


def _path(rest: str) -> Path:
    return Path(rest.removeprefix("/"))


def from_url(rest: str, *, accept_lost_history: bool) -> SqliteStore:
    """The store behind ``sqlite:///relative/path`` or ``sqlite:////absolute/path``."""
    path = rest.removeprefix("/")
    faults: list[str] = []
    if not rest.startswith("/") or not path or path.endswith("/"):
        faults.append(
            "An SQLite store is written sqlite:///path/to/file.db, or sqlite:////path/to/file.db from the root."
        )
    if "?" in rest:
        faults.append("An SQLite store takes no options: write nothing after the path, and no “?” in it.")
    if path == ":memory:":
        faults.append("A store that is not kept is written memory://")
    if faults:
        raise ConfigError(faults)
    return SqliteStore(path, accept_lost_history=accept_lost_history)
