"""Counters of an SQLite store: a file of their own beside the database, shared by processes and never synced.

What a throttle counts may be lost in a crash, and is not worth the wait for a disk; it must not wait for commits
that are. A file that a power failure has torn is begun anew.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from typing import Any

from admit.errors import ConfigError
from admit.stores import whole
from admit.stores.counters import window_of
from admit.stores.lane import Job, Lane
from admit.stores.sqlite_file import insist

PATIENCE = 5.0
"""Seconds that a count waits for those of other processes."""

TIDY_EVERY = 64
"""Hits after which what is over is removed, so that nobody has to purge to keep the file small."""

TIDY_AT_MOST = 1_000

_SCHEMA = """CREATE TABLE IF NOT EXISTS counter (
    key TEXT NOT NULL, window REAL NOT NULL, number INTEGER NOT NULL, hits INTEGER NOT NULL, ends_at REAL NOT NULL,
    PRIMARY KEY (key, window, number)) WITHOUT ROWID"""
_INDEX = "CREATE INDEX IF NOT EXISTS counter_end ON counter (ends_at)"
_HIT = """INSERT INTO counter (key, window, number, hits, ends_at) VALUES (?1, ?2, ?3, ?4, ?5)
    ON CONFLICT DO UPDATE SET hits = hits + ?4 RETURNING hits"""
_GIVE_BACK = """UPDATE counter SET hits = max(0, hits + ?4)
    WHERE key = ?1 AND window = ?2 AND number = ?3 RETURNING hits"""
_LOOK = "SELECT hits FROM counter WHERE key = ?1 AND window = ?2 AND number = ?3"
_OVER = """DELETE FROM counter WHERE (key, window, number) IN
    (SELECT key, window, number FROM counter WHERE ends_at < ?1 ORDER BY ends_at LIMIT ?2)"""


class SqliteCounters:
    """Counts in the file at ``path``, on a thread of its own. Made for its owner alone."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._hits = 0

    def open(self, held: ExitStack) -> Lane:
        """The lane that counts, whose connection ``held`` closes. Raises StoreUnavailable, ConfigError."""
        try:
            connection = self._connect()
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
                raise
            for torn in (self._path, *(self._path.with_name(f"{self._path.name}-{end}") for end in ("wal", "shm"))):
                torn.unlink(missing_ok=True)
            connection = self._connect()
        return Lane("admit-sqlite-counter", partial(self._work, held.enter_context(closing(connection))))

    def count(self, key: str, window: float, now: float, hits: int, connection: sqlite3.Connection) -> int:
        """The hits of ``key`` in the window around ``now``, ``hits`` more of them included."""
        number = window_of(window, now)
        counter = key, window, number
        if hits > 0:
            self._hits += 1
            if self._hits % TIDY_EVERY == 0:
                self.purge(now, TIDY_AT_MOST, connection)
            row = connection.execute(_HIT, (*counter, hits, (number + 1) * window)).fetchone()
        elif hits < 0:
            row = connection.execute(_GIVE_BACK, (*counter, hits)).fetchone()
        else:
            row = connection.execute(_LOOK, counter).fetchone()
        return row[0] if row else 0

    @staticmethod
    def purge(now: float, at_most: int, connection: sqlite3.Connection) -> int:
        """Remove up to ``at_most`` counters whose window is over; how many there were."""
        return connection.execute(_OVER, (now, at_most)).rowcount

    def _connect(self) -> sqlite3.Connection:
        try:
            whole.make(self._path, b"")
        except OSError as error:  # pragma: no cover - the database beside it could be made
            raise ConfigError([f"The counters {self._path} cannot be made: {error.strerror}."]) from error
        connection = sqlite3.connect(
            f"{self._path.as_uri()}?mode=rw", uri=True, timeout=PATIENCE, isolation_level=None, check_same_thread=False
        )
        try:
            for statement in ("PRAGMA journal_mode = WAL", "PRAGMA synchronous = OFF", _SCHEMA, _INDEX):
                insist(connection, statement, PATIENCE).fetchall()
        except BaseException:
            connection.close()
            raise
        return connection

    @staticmethod
    def _work(connection: sqlite3.Connection, jobs: Sequence[Job[Any]]) -> None:
        insist(connection, "BEGIN IMMEDIATE", PATIENCE)
        try:
            for job in jobs:
                job.run(connection)
            connection.execute("COMMIT")
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
