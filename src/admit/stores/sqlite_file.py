"""The files of an SQLite store: made for their owner alone, known by their inodes, in the settings Admit needs."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from admit.errors import ConfigError, LostHistory, StoreUnavailable
from admit.stores import whole
from admit.stores.stamp import Stamp

APPLICATION_ID = 0x41444D54
SCHEMA_VERSION = 1

_START_SECONDS = 10.0
_PAUSE = 0.001
_FULL = 2

_SCHEMA = (
    # Bodies are JSON as text, so that people can look at them.
    """CREATE TABLE record (
        kind TEXT NOT NULL, id TEXT NOT NULL, version INTEGER NOT NULL, expires_at REAL,
        tags TEXT, body TEXT NOT NULL, PRIMARY KEY (kind, id)) WITHOUT ROWID""",
    "CREATE INDEX record_expiry ON record (expires_at) WHERE expires_at IS NOT NULL",
    """CREATE TABLE tag (
        kind TEXT NOT NULL, tag TEXT NOT NULL, id TEXT NOT NULL, PRIMARY KEY (kind, tag, id)) WITHOUT ROWID""",
    """CREATE TABLE log (
        topic TEXT NOT NULL, seq INTEGER NOT NULL, nonce BLOB NOT NULL, expires_at REAL NOT NULL,
        entry TEXT NOT NULL, PRIMARY KEY (topic, seq)) WITHOUT ROWID""",
    "CREATE INDEX log_expiry ON log (expires_at)",
    # For people: nothing in Admit reads them.
    """CREATE VIEW accounts AS SELECT id, json_extract(body, '$.email') AS email,
        datetime(json_extract(body, '$.created_at'), 'unixepoch') AS created
        FROM record WHERE kind = 'account'""",
    """CREATE VIEW subjects AS SELECT substr(id, 2) AS subject, json_extract(body, '$.gen') AS gen,
        coalesce(json_extract(body, '$.active'), 1) AS active, json_extract(body, '$.roles') AS roles
        FROM record WHERE kind = 'subject'""",
    """CREATE VIEW sessions AS SELECT id, json_extract(body, '$.subject') AS subject,
        datetime(json_extract(body, '$.created_at'), 'unixepoch') AS created,
        datetime(json_extract(body, '$.seen_at'), 'unixepoch') AS seen,
        datetime(json_extract(body, '$.ends_at'), 'unixepoch') AS ends,
        json_extract(body, '$.device') AS device
        FROM record WHERE kind = 'session'""",
    """CREATE VIEW revocations AS SELECT seq, entry, datetime(expires_at, 'unixepoch') AS expires
        FROM log WHERE topic = 'revocations'""",
)

# Later than the others, and so made in files that are older too.
_AUDIT = """CREATE VIEW IF NOT EXISTS audit AS SELECT id, datetime(json_extract(body, '$.at'), 'unixepoch') AS at,
    json_extract(body, '$.act') AS act, json_extract(body, '$.subject') AS subject, json_extract(body, '$.what') AS what,
    json_extract(body, '$.failed') AS failed, coalesce(json_extract(body, '$.times'), 1) AS times,
    json_extract(body, '$.actor') AS actor, json_extract(body, '$.credential') AS credential,
    json_extract(body, '$.credential_id') AS credential_id, json_extract(body, '$.address') AS address,
    json_extract(body, '$.device') AS device, json_extract(body, '$.agent') AS agent
    FROM record WHERE kind = 'audit'"""


class SqliteFile:
    """A database file, its write-ahead log and its stamp."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.stamp = Stamp(path.with_name(f"{path.name}-stamp"))
        self._watched = (str(path), f"{path}-wal", str(self.stamp.path))
        self._opened: tuple[tuple[int, int] | None, ...] = ()

    def make(self) -> None:
        """Have a database file, empty if it is new, that only its owner can read. Raises ConfigError."""
        try:
            whole.folder(self.path.parent)
            # Never opened by us under its name: closing it would drop the locks that SQLite holds on it in this
            # process (POSIX), and two threads that begin one store would write at once.
            whole.make(self.path, b"")
            if not self.path.is_file():
                fault = f"The database {self.path} is no file. Write sqlite:///{self.path / 'admit.db'}"
                raise ConfigError([fault])
            if theirs := not_ours(self.path):
                raise ConfigError([theirs])
        except OSError as error:
            raise ConfigError([f"The database {self.path} cannot be made: {error.strerror}."]) from error

    def connect(self, *, patience: float, read_only: bool = False) -> sqlite3.Connection:
        """A connection that waits ``patience`` seconds for a lock, and never makes a file. Raises sqlite3.Error."""
        connection = sqlite3.connect(
            f"{self.path.as_uri()}?mode=rw",
            uri=True,
            timeout=patience,
            isolation_level=None,
            check_same_thread=False,
        )
        connection.text_factory = bytes
        try:
            _in_wal_mode(connection)
            connection.execute("PRAGMA trusted_schema = OFF")
            connection.execute(f"PRAGMA query_only = {int(read_only)}")
            _synced(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def remember(self) -> None:
        """From now on, :meth:`check` compares with the files that are there."""
        self._opened = self._there()

    def check(self) -> None:
        """LostHistory unless the files are the ones that were opened.

        The write-ahead log and the stamp count as much as the database: a process that starts after one of
        them was removed makes a new one, and from then on the two would not hear of each other.
        """
        if self._there() != self._opened:
            raise LostHistory(f"{self.path} or a file beside it was replaced under a running server")

    def _there(self) -> tuple[tuple[int, int] | None, ...]:
        return tuple(_inode(path) for path in self._watched)


def _inode(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)  # noqa: PTH116 - each read asks, and a Path takes three times as long
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def _synced(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA synchronous = FULL")
    if connection.execute("PRAGMA synchronous").fetchone()[0] != _FULL:  # pragma: no cover - no SQLite that we met
        raise StoreUnavailable("SQLite would not sync each commit")


def _in_wal_mode(connection: sqlite3.Connection) -> None:
    # The change is refused, not queued, while another process starts.
    mode = insist(connection, "PRAGMA journal_mode = WAL", _START_SECONDS).fetchone()[0]
    if mode != b"wal":  # pragma: no cover - on network file systems only
        raise StoreUnavailable("SQLite offers no write-ahead log here: the file must be on a local disk")


def insist(connection: sqlite3.Connection, statement: str, patience: float) -> sqlite3.Cursor:
    """What ``statement`` gives, said again for ``patience`` seconds while it meets a lock. Raises sqlite3.Error.

    SQLite's own patience sleeps for up to 0.1 s, while the lock changes hands every millisecond: of two
    processes that write without pause, one would wait ten times as long as it has to.
    """
    until = time.monotonic() + patience
    while True:
        try:
            return connection.execute(statement)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
        time.sleep(_PAUSE)


def not_ours(database: Path) -> str | None:
    """What to say if this user may not write ``database`` or a file beside it, as where root gave a command first."""
    for path in (database.with_name(f"{database.name}{part}") for part in ("", "-wal", "-shm", "-stamp", "-counts")):
        if path.exists() and not os.access(path, os.R_OK | os.W_OK):
            owner, user = path.stat().st_uid, os.geteuid()
            write = "chmod 600" if owner == user else f"chown {user}"  # of all: what made one made the others
            return (
                f"{path} belongs to user {owner}, and user {user} may not read and write it. Write: {write} {database}*"
            )
    return None


def version_of(path: Path) -> int:
    """The version of the schema in the file, 0 where there is none. Raises ConfigError for what is no database."""
    if not path.exists():
        return 0
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            return int(connection.execute("PRAGMA user_version").fetchone()[0])
    except sqlite3.Error as error:
        raise ConfigError([f"The database {path} cannot be read: {error}."]) from error


def adopt(connection: sqlite3.Connection, path: Path) -> None:
    """Have the tables, within the caller's transaction. Raises ConfigError when they are not ours or not yet."""
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    owner = connection.execute("PRAGMA application_id").fetchone()[0]
    empty = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0
    if owner != APPLICATION_ID and not empty:
        raise ConfigError([f"The database {path} belongs to another program. Write a file of its own for Admit."])
    if version > SCHEMA_VERSION:
        fault = f"The database {path} was written by a newer Admit (schema {version}, not {SCHEMA_VERSION})."
        raise ConfigError([f"{fault} Upgrade this one."])
    if empty:
        for statement in _SCHEMA:
            connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    connection.execute(_AUDIT)
