"""The end of an SQLite store's log: a comparison of mapped bytes, and a read when it tells of news."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Generator
from contextlib import closing, contextmanager

from admit.core.store import READ_AT_MOST, REVOCATIONS, Cursor, Page
from admit.errors import StoreUnavailable
from admit.stores import sqlite_statements as statements
from admit.stores.sqlite_file import SqliteFile
from admit.stores.stamp import CLOSED, NOTHING

PATIENCE = 0.1
"""Seconds a read waits for a lock: who reads here holds up an event loop."""

MEND_AFTER = 0.1
"""Seconds a stamp may be ahead of the database: longer than most commits take."""


class SqliteTail:
    """What a verification looks at. It has a connection of its own, used by one thread at a time."""

    __slots__ = ("_connection", "_file", "_lock", "_process", "_since", "_unknown", "_view")

    def __init__(self, file: SqliteFile) -> None:
        self._file = file
        self._view = CLOSED
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._process = 0
        self._unknown = NOTHING
        self._since = 0.0

    def moved(self, stamp: bytes) -> bool:
        """Whether the last entry may bear another stamp; so it does before there is one, and when closed."""
        return self._view.tobytes() != stamp

    def read(self, after: Cursor | None) -> Page:
        """At most 1,000 entries after a cursor. Raises CursorLost, LostHistory, StoreUnavailable."""
        with self._lock:
            connection = self._connection
            if connection is None or self._process != os.getpid():
                raise StoreUnavailable("this store is not open in this process")
            self._file.check()
            head = self._file.stamp.head
            try:
                page = statements.log(REVOCATIONS, after, READ_AT_MOST, connection)
                if page.end:
                    self._mend(connection, head, page.stamp or NOTHING)
            except sqlite3.Error as error:
                raise StoreUnavailable(f"SQLite: {error}") from error
        return page

    def check(self) -> None:
        """LostHistory when the files are not the ones that were opened."""
        if self._connection is None:
            raise StoreUnavailable("this store is not open")
        self._file.check()

    @contextmanager
    def attached(self) -> Generator[None]:
        """While inside, there is something to read."""
        with closing(self._file.connect(patience=PATIENCE)) as connection:
            self._connection, self._process = connection, os.getpid()
            self._view = self._file.stamp.view
            try:
                yield
            finally:
                self._view = CLOSED
                with self._lock:
                    self._connection = None

    def _mend(self, connection: sqlite3.Connection, head: bytes, last: bytes) -> None:
        """Set a stamp right whose writer died or failed: without it, every verification would read the log."""
        now = time.monotonic()
        if head == last:
            self._unknown = NOTHING
        elif head != self._unknown:
            self._unknown, self._since = head, now
        elif now - self._since > MEND_AFTER:
            self._since = now
            self._rewrite(connection)

    def _rewrite(self, connection: sqlite3.Connection) -> None:
        connection.execute("PRAGMA busy_timeout = 0")
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return  # a writer is at work, and will leave a stamp of its own
        else:
            # The lock says that no writer is between stamp and COMMIT, and what follows is the newest snapshot.
            self._file.stamp.head = statements.last_stamp(connection)
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            connection.execute(f"PRAGMA busy_timeout = {int(PATIENCE * 1000)}")
