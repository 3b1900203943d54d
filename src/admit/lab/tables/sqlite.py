"""A table in an SQLite file: read where it is asked, written in a thread, each commit on disk before it counts."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from admit.lab.strategy import Count, Unavailable
from admit.lab.tables.table import PATIENCE, Row, checked, parts

T = TypeVar("T")

_COLUMNS = "key, subject, roles, expires_at, data, proof"


class SqliteTable:
    """Rows of a file that any number of processes of one machine share."""

    def __init__(self, path: Path, name: str, count: Count, *, owned: bool) -> None:
        self.count = count
        # Two, so that no read waits for a commit to reach the disk.
        self._reader, self._writer = _connected(path), _connected(path)
        # A second thread at a connection that waits for the lock of the file would wait with the interpreter's own.
        self._turn = asyncio.Lock()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="admit-lab-sqlite")
        self._get = f"SELECT {_COLUMNS} FROM {name} WHERE key = ?"
        self._put = f"INSERT INTO {name} ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)"
        if not owned:
            self._put += " ON CONFLICT (key) DO NOTHING"  # what has ended may end again
        self._swap = f"UPDATE {name} SET data = ?, proof = ? WHERE key = ? AND proof = ? AND roles = ?"
        self._end = f"DELETE FROM {name} WHERE key = ? RETURNING {_COLUMNS}"
        self._end_all = f"DELETE FROM {name} WHERE subject = ? RETURNING {_COLUMNS}"
        self._set_roles = f"UPDATE {name} SET roles = ? WHERE subject = ? RETURNING {_COLUMNS}"

    async def get(self, key: bytes) -> Row | None:
        """One statement, at once: a thread in between would take longer than the read."""
        self.count.operations += 1
        try:
            row = self._reader.execute(self._get, (key,)).fetchone()
        except sqlite3.Error as error:
            raise Unavailable(f"SQLite: {error}") from error
        return None if row is None else _row(row)

    async def put(self, *rows: Row) -> None:
        """A transaction for each commit."""
        for some in parts(rows):
            self.count.operations += len(some)
            await self._written(lambda some=some: self._put_in(some))  # type: ignore[misc]

    async def swap(self, was: Row, now: Row) -> bool:
        """One statement."""
        values = (now.data, now.proof, was.key, was.proof, was.roles)
        return await self._said(lambda: self._writer.execute(self._swap, values).rowcount == 1)

    async def end(self, key: bytes) -> Row | None:
        """One statement."""
        found = await self._said(lambda: _rows(self._writer.execute(self._end, (key,))))
        return found[0] if found else None

    async def end_all(self, subject: str) -> list[Row]:
        """One statement."""
        return await self._said(lambda: _rows(self._writer.execute(self._end_all, (subject,))))

    async def set_roles(self, subject: str, roles: str) -> list[Row]:
        """One statement."""
        return await self._said(lambda: _rows(self._writer.execute(self._set_roles, (roles, subject))))

    async def taken(self) -> int:
        """The pages that are used, once all is in the file."""
        return await self._written(lambda: used(self._writer))

    async def close(self) -> None:
        """Close both connections."""
        self._reader.close()
        # After whatever it still does for somebody who was stopped: a connection that is closed in use brings all down.
        await self._in_thread(self._writer.close)
        self._thread.shutdown(wait=False)

    async def _said(self, statement: Callable[[], T]) -> T:
        self.count.operations += 1
        return await self._written(statement)

    async def _written(self, work: Callable[[], T]) -> T:
        try:
            async with asyncio.timeout(PATIENCE):
                await self._turn.acquire()
        except TimeoutError as error:
            raise Unavailable("SQLite: others have been writing all the time") from error
        try:
            return await self._in_thread(work)
        except sqlite3.Error as error:
            raise Unavailable(f"SQLite: {error}") from error
        finally:
            self._turn.release()

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _put_in(self, rows: Iterable[Row]) -> None:
        with self._writer:
            self._writer.execute("BEGIN IMMEDIATE")
            for row in rows:
                values = (row.key, row.subject, row.roles, row.expires_at, row.data, row.proof)
                self._writer.execute(self._put, values)


def _rows(found: Iterable[tuple[bytes, str, str, int, bytes, bytes]]) -> list[Row]:
    return [_row(values) for values in found]


def _row(values: tuple[bytes, str, str, int, bytes, bytes]) -> Row:
    key, subject, roles, expires_at, data, proof = values
    return Row(key=key, subject=subject, roles=roles, expires_at=expires_at, data=data, proof=proof)


def _connected(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=PATIENCE, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    return connection


def used(connection: sqlite3.Connection) -> int:
    """Bytes of the pages of a database that hold something, once its write-ahead log is in its file."""
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    pages, free, size = (
        int(connection.execute(f"PRAGMA {name}").fetchone()[0])
        for name in ("page_count", "freelist_count", "page_size")
    )
    return (pages - free) * size


def path_of(rest: str) -> Path:
    """The file behind ``sqlite://``."""
    return Path(rest.removeprefix("/"))


async def opened(rest: str, name: str, count: Count, *, owned: bool) -> SqliteTable:
    """The table ``name`` of the file, made with its index if it is not there."""
    path, name = path_of(rest), checked(name)

    def made() -> None:
        connection = _connected(path)
        connection.execute(
            f"""CREATE TABLE IF NOT EXISTS {name} (key BLOB PRIMARY KEY, subject TEXT NOT NULL, roles TEXT NOT NULL,
            expires_at INTEGER NOT NULL, data BLOB NOT NULL, proof BLOB NOT NULL) WITHOUT ROWID"""
        )
        if owned:
            connection.execute(f"CREATE INDEX IF NOT EXISTS {name}_of ON {name} (subject)")
        connection.close()

    try:
        await asyncio.to_thread(made)
        return SqliteTable(path, name, count, owned=owned)
    except sqlite3.Error as error:
        raise Unavailable(f"SQLite: {error}") from error
