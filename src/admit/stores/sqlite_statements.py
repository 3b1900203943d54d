"""What an SQLite store says to its database: each function is one question or change, within the caller's transaction."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from admit.core.ids import HOMES
from admit.core.store import (
    LATE,
    PURGE_AT_MOST,
    REVOCATIONS,
    Append,
    Change,
    Check,
    Cursor,
    Delete,
    Found,
    Insert,
    Key,
    Page,
    Record,
    Replace,
    is_of_all,
)
from admit.core.world import Chance
from admit.errors import Conflict, CursorLost
from admit.stores.stamp import NOTHING, WORD

_CURSOR = re.compile(r"([1-9][0-9]{0,17})\.([0-9a-f]{16})")

# Bytes are cast to text rather than decoded: they stay as they are, and people can read them.
_RECORD = "SELECT version, expires_at, tags, body FROM record WHERE kind = ? AND id = ?"
_TAGS = "SELECT tags FROM record WHERE kind = ? AND id = ? AND version = ?"
_TAGGED = """
    SELECT record.id, version, expires_at, tags, body FROM tag
    JOIN record ON record.kind = tag.kind AND record.id = tag.id
    WHERE tag.kind = ? AND tag.tag = ? AND tag.id > ? ORDER BY tag.id LIMIT ?"""
# What all of a home bear has no rows of its own: each would be another page to write.
_OF_ALL = """
    SELECT id, version, expires_at, tags, body FROM record
    WHERE kind = ?1 AND id > max(?3, ?4) AND id < ?5 AND instr(tags, ?2) ORDER BY id LIMIT ?6"""
_INSERT = """
    INSERT INTO record (version, expires_at, tags, body, kind, id)
    VALUES (?, ?, CAST(? AS TEXT), CAST(? AS TEXT), ?, ?) ON CONFLICT DO NOTHING"""
_UPDATE = """
    UPDATE record SET version = ?, expires_at = ?, tags = CAST(? AS TEXT), body = CAST(? AS TEXT)
    WHERE kind = ? AND id = ?"""
_DELETE = "DELETE FROM record WHERE kind = ? AND id = ?"
_TAG = "INSERT INTO tag (kind, tag, id) VALUES (?, ?, ?)"
_UNTAG = "DELETE FROM tag WHERE kind = ? AND tag = ? AND id = ?"
_APPEND = """
    INSERT INTO log (topic, seq, nonce, expires_at, entry)
    SELECT ?1, coalesce(max(seq), 0) + 1, ?2, ?3, CAST(?4 AS TEXT) FROM log WHERE topic = ?1"""
_LOG = "SELECT seq, nonce, entry FROM log WHERE topic = ? AND seq >= ? ORDER BY seq LIMIT ?"
_LAST = "SELECT nonce FROM log WHERE topic = ? ORDER BY seq DESC LIMIT 1"
_BEARS = "SELECT 1 FROM log WHERE topic = ? AND nonce = ? ORDER BY seq DESC LIMIT 1"
_LATE_RECORDS = "SELECT kind, id, tags FROM record WHERE expires_at < ? ORDER BY expires_at LIMIT ?"
_LATE_ENTRIES = """
    SELECT topic, seq FROM log AS entry WHERE expires_at < ?
    AND seq < (SELECT max(seq) FROM log WHERE topic = entry.topic) ORDER BY expires_at LIMIT ?"""
_ALL_RECORDS = "SELECT kind, id, version, expires_at, tags, body FROM record ORDER BY kind, id"
_ALL_ENTRIES = "SELECT topic, entry, expires_at FROM log ORDER BY topic, seq"
_FORGET = "DELETE FROM log WHERE topic = ? AND seq = ?"

_ROWS = 1_000
"""Rows of a dump that are in memory at once."""

_NO_TAGS: frozenset[str] = frozenset()
_tags = msgspec.json.Decoder(frozenset[str])


def get(keys: Sequence[Key], connection: sqlite3.Connection) -> list[Record | None]:
    """The records of ``keys``, from one snapshot."""
    if len(keys) == 1:
        return [_get(connection, *keys[0])]
    connection.execute("BEGIN")
    try:
        return [_get(connection, *key) for key in keys]
    finally:
        connection.execute("ROLLBACK")


def find(kind: str, tag: str, after: Cursor | None, limit: int, connection: sqlite3.Connection) -> Found:
    """A page of the records that bear ``tag``; the cursor is the id of the last."""
    if is_of_all(tag):
        home = tag[0]
        asked = (kind, f'"{tag}"', after or "", home, chr(ord(home) + 1), limit + 1)
        rows = connection.execute(_OF_ALL, asked).fetchall()
    else:
        rows = connection.execute(_TAGGED, (kind, tag, after or "", limit + 1)).fetchall()
    records = tuple(_record(kind, row[0].decode(), row[1:]) for row in rows[:limit])
    return Found(records, Cursor(records[-1].id) if len(rows) > limit else None)


def commit(changes: Sequence[Change], chance: Chance, connection: sqlite3.Connection) -> None:
    """Make each change, or raise Conflict, which leaves it to the caller to undo the others."""
    for change in changes:
        match change:
            case Insert(record):
                _insert(connection, record)
            case Replace(record, was):
                _replace(connection, record, was)
            case Delete(kind, id, was):
                _delete(connection, kind, id, was)
            case Check(kind, id, was):
                _tags_of(connection, kind, id, was)
            case Append(topic, entry, expires_at):
                connection.execute(_APPEND, (topic, chance(WORD), expires_at, entry))


def log(topic: str, after: Cursor | None, limit: int, connection: sqlite3.Connection) -> Page:
    """Entries after a cursor, read together with the entry it stands on. Raises CursorLost."""
    seq, nonce = _position(after)
    rows = connection.execute(_LOG, (topic, seq, limit + 2)).fetchall()
    if after is None:
        rows.insert(0, (0, b"", b""))
    elif not rows or rows[0][:2] != (seq, nonce):
        raise CursorLost(f"no entry {seq} of that name in {topic}", trimmed=bool(rows) and rows[0][0] > seq)
    seq, nonce, _ = rows[: limit + 1][-1]
    entries = tuple(row[2] for row in rows[1 : limit + 1])
    return Page(entries, Cursor(f"{seq}.{nonce.hex()}") if seq else None, len(rows) <= limit + 1, nonce)


def last_stamp(connection: sqlite3.Connection) -> bytes:
    """The stamp of the last entry of the revocation log, or NOTHING."""
    row = connection.execute(_LAST, (REVOCATIONS,)).fetchone()
    return row[0] if row else NOTHING


def bears(connection: sqlite3.Connection, stamp: bytes) -> bool:
    """Whether an entry of the revocation log bears ``stamp``."""
    return connection.execute(_BEARS, (REVOCATIONS, stamp)).fetchone() is not None


def purge(now: float, connection: sqlite3.Connection) -> int:
    """Remove what expired more than a day before ``now``, records first; how many were removed."""
    records = connection.execute(_LATE_RECORDS, (now - LATE, PURGE_AT_MOST)).fetchall()
    for kind, id, tags in records:
        _remove(connection, kind.decode(), id.decode(), _decoded(tags))
    entries = connection.execute(_LATE_ENTRIES, (now - LATE, PURGE_AT_MOST - len(records))).fetchall()
    connection.executemany(_FORGET, ((topic.decode(), seq) for topic, seq in entries))
    return len(records) + len(entries)


def dump(connection: sqlite3.Connection) -> Iterator[Sequence[Insert | Append]]:
    """All records, then all entries, page by page from one snapshot, which ends with the connection."""
    connection.execute("BEGIN")
    rows = connection.execute(_ALL_RECORDS)
    while page := rows.fetchmany(_ROWS):
        yield [Insert(_record(row[0].decode(), row[1].decode(), row[2:])) for row in page]
    rows = connection.execute(_ALL_ENTRIES)
    while page := rows.fetchmany(_ROWS):
        yield [Append(topic.decode(), entry, expires_at, HOMES[0]) for topic, entry, expires_at in page]


def _get(connection: sqlite3.Connection, kind: str, id: str) -> Record | None:
    row = connection.execute(_RECORD, (kind, id)).fetchone()
    return None if row is None else _record(kind, id, row)


def _record(kind: str, id: str, row: tuple[int, float | None, bytes | None, bytes]) -> Record:
    version, expires_at, tags, body = row
    return Record(kind, id, body, version, expires_at, _decoded(tags))


def _row(record: Record) -> tuple[int, float | None, bytes | None, bytes, str, str]:
    tags = msgspec.json.encode(sorted(record.tags)) if record.tags else None
    return record.version, record.expires_at, tags, record.body, record.kind, record.id


def _decoded(tags: bytes | None) -> frozenset[str]:
    return _tags.decode(tags) if tags else _NO_TAGS


def _tags_of(connection: sqlite3.Connection, kind: str, id: str, version: int | None) -> frozenset[str]:
    row = connection.execute(_TAGS, (kind, id, version)).fetchone()
    if row is None:
        raise Conflict(f"{kind} {id!r} is not there in that version")
    return _decoded(row[0])


def _insert(connection: sqlite3.Connection, record: Record) -> None:
    if connection.execute(_INSERT, _row(record)).rowcount == 0:
        raise Conflict(f"{record.kind} {record.id!r} is there already")
    _tag(connection, _TAG, record, record.tags)


def _replace(connection: sqlite3.Connection, record: Record, was: int) -> None:
    tags = _tags_of(connection, record.kind, record.id, was)
    connection.execute(_UPDATE, _row(record))
    if tags != record.tags:
        _tag(connection, _UNTAG, record, tags - record.tags)
        _tag(connection, _TAG, record, record.tags - tags)


def _tag(connection: sqlite3.Connection, statement: str, record: Record, tags: Iterable[str]) -> None:
    for tag in tags:
        if not is_of_all(tag):
            connection.execute(statement, (record.kind, tag, record.id))


def _delete(connection: sqlite3.Connection, kind: str, id: str, was: int | None) -> None:
    if was is not None:
        tags = _tags_of(connection, kind, id, was)
    else:
        found = _get(connection, kind, id)
        tags = found.tags if found else _NO_TAGS
    _remove(connection, kind, id, tags)


def _remove(connection: sqlite3.Connection, kind: str, id: str, tags: Iterable[str]) -> None:
    connection.executemany(_UNTAG, ((kind, tag, id) for tag in tags))
    connection.execute(_DELETE, (kind, id))


def _position(cursor: Cursor | None) -> tuple[int, bytes]:
    if cursor is None:
        return 0, b""
    found = _CURSOR.fullmatch(cursor)
    if found is None:
        raise CursorLost("this is no cursor of this log")
    return int(found[1]), bytes.fromhex(found[2])
