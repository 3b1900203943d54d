"""What a PostgreSQL store says to its database: each function is one question or change, in one round trip."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any, TypeAlias

import asyncpg
import msgspec

from admit.core.ids import HOMES
from admit.core.store import (
    LATE,
    PURGE_AT_MOST,
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
)
from admit.core.world import Chance
from admit.errors import Conflict, CursorLost
from admit.stores.counters import window_of

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

NO_ANSWER = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # such as that it was asked while the server said goodbye
    OSError,
    TimeoutError,
)
"""What is raised where there was no answer, for whatever reason."""

NONCE = 8
"""Bytes that name an entry of a log."""

_CURSOR = re.compile(r"([1-9][0-9]{0,17})\.([0-9a-f]{16})")
_ESCAPED = re.compile(r"\\([\\0])")

_ROWS = 1_000
"""Rows of a dump that are in memory at once."""

_GET = """SELECT version, expires_at, tags, body FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS asked (kind, id, place)
    LEFT JOIN admit.record USING (kind, id) ORDER BY place"""
_FIND = """SELECT record.id, version, expires_at, tags, body FROM admit.tag JOIN admit.record USING (kind, id)
    WHERE tag.kind = $1 AND tag.tag = $2 AND tag.id > $3 ORDER BY tag.id LIMIT $4"""
_COMMIT = "SELECT admit.commit($1, $2, $3, $4, $5, $6, $7, $8, $9)"
# Only a primary writes, and so has a place to write to: a standby, whose log may be behind, refuses the question.
_LOG = """SELECT seq, nonce, entry FROM admit.log
    WHERE topic = $1 AND seq >= $2 AND (SELECT pg_current_wal_insert_lsn()) IS NOT NULL ORDER BY seq LIMIT $3"""
_ALL_RECORDS = "SELECT kind, id, version, expires_at, tags, body FROM admit.record ORDER BY kind, id"
_ALL_ENTRIES = "SELECT topic, entry, expires_at FROM admit.log ORDER BY topic, seq"
_PURGE_RECORDS = """
    WITH late AS (SELECT kind, id FROM admit.record WHERE expires_at < $1 ORDER BY expires_at LIMIT $2
                  FOR UPDATE SKIP LOCKED),
         gone AS (DELETE FROM admit.record AS record USING late
                  WHERE record.kind = late.kind AND record.id = late.id RETURNING record.kind, record.id, tags),
         untagged AS (DELETE FROM admit.tag AS tag USING gone
                      WHERE tag.kind = gone.kind AND tag.id = gone.id AND tag.tag = ANY (gone.tags))
    SELECT count(*) FROM gone"""
_PURGE_LOG = """
    WITH gone AS (DELETE FROM admit.log WHERE (topic, seq) IN (
        SELECT topic, seq FROM admit.log AS entry WHERE expires_at < $1
        AND seq < (SELECT max(seq) FROM admit.log WHERE topic = entry.topic) ORDER BY expires_at LIMIT $2)
        RETURNING seq)
    SELECT count(*) FROM gone"""
_PURGE_COUNTERS = """
    WITH gone AS (DELETE FROM admit.counter WHERE (key, "window", number) IN (
        SELECT key, "window", number FROM admit.counter WHERE ends_at < $1 ORDER BY ends_at LIMIT $2
        FOR UPDATE SKIP LOCKED) RETURNING key)
    SELECT count(*) FROM gone"""
_HIT = """INSERT INTO admit.counter AS counter VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (key, "window", number) DO UPDATE SET hits = counter.hits + $4 RETURNING hits"""
_GIVE_BACK = """UPDATE admit.counter SET hits = greatest(0, hits + $4)
    WHERE key = $1 AND "window" = $2 AND number = $3 RETURNING hits"""
_LOOK = 'SELECT hits FROM admit.counter WHERE key = $1 AND "window" = $2 AND number = $3'


async def get(connection: Connection, keys: Sequence[Key]) -> list[Record | None]:
    """The records of ``keys``, from one snapshot."""
    rows = await connection.fetch(_GET, [_kept(kind) for kind, _ in keys], [_kept(id) for _, id in keys])
    return [
        None if row["version"] is None else _record(kind, id, row) for (kind, id), row in zip(keys, rows, strict=True)
    ]


async def find(connection: Connection, kind: str, tag: str, after: Cursor | None, limit: int) -> Found:
    """A page of the records that bear ``tag``; the cursor is the id of the last."""
    rows = await connection.fetch(_FIND, _kept(kind), _kept(tag), _kept(after or ""), limit + 1)
    records = tuple(_record(kind, _told(row["id"]), row) for row in rows[:limit])
    return Found(records, Cursor(records[-1].id) if len(rows) > limit else None)


async def commit(connection: Connection, changes: Sequence[Change], chance: Chance) -> None:
    """Make all of the changes, or raise Conflict."""
    if not changes:
        return
    rows = [_row(change, chance) for change in sorted(changes, key=_place)]
    verbs, kinds, ids, was, versions, expire, tagged, bodies, nonces = zip(*rows, strict=True)
    tags = msgspec.json.encode(tagged).decode()
    try:
        done = await connection.fetchval(
            _COMMIT, "".join(verbs), kinds, ids, was, versions, expire, tags, bodies, nonces
        )
    except (asyncpg.UniqueViolationError, asyncpg.DeadlockDetectedError) as error:
        raise Conflict("somebody else was faster at this moment") from error
    if not done:
        raise Conflict("something is there already, or not in that version")


async def log(connection: Connection, topic: str, after: Cursor | None, limit: int) -> Page:
    """Entries after a cursor, read together with the entry it stands on. Raises CursorLost."""
    seq, nonce = _position(after)
    rows: list[Any] = list(await connection.fetch(_LOG, _kept(topic), seq, limit + 2))
    if after is None:
        rows.insert(0, (0, b"", b""))
    elif not rows or (rows[0][0], rows[0][1]) != (seq, nonce):
        raise CursorLost(f"no entry {seq} of that name in {topic}", trimmed=bool(rows) and rows[0][0] > seq)
    seq, nonce, _ = rows[: limit + 1][-1]
    entries = tuple(row[2] for row in rows[1 : limit + 1])
    return Page(entries, Cursor(f"{seq}.{nonce.hex()}") if seq else None, len(rows) <= limit + 1, nonce)


async def purge(connection: Connection, now: float) -> int:
    """Remove what expired more than a day before ``now``, records first; how many were removed."""
    removed = 0
    for statement, late in ((_PURGE_RECORDS, now - LATE), (_PURGE_LOG, now - LATE), (_PURGE_COUNTERS, now)):
        removed += int(await connection.fetchval(statement, late, PURGE_AT_MOST - removed))
    return removed


async def count(connection: Connection, key: str, window: float, now: float, hits: int) -> int:
    """The hits of ``key`` in the window around ``now``, ``hits`` more of them included."""
    number = window_of(window, now)
    counter = _kept(key), window, number
    if hits > 0:
        there = await connection.fetchval(_HIT, *counter, hits, (number + 1) * window)
    elif hits < 0:
        there = await connection.fetchval(_GIVE_BACK, *counter, hits)
    else:
        there = await connection.fetchval(_LOOK, *counter)
    return int(there or 0)


async def dump(connection: asyncpg.Connection[asyncpg.Record]) -> AsyncIterator[Insert | Append]:
    """All records, then all entries, from the snapshot of the caller's transaction."""
    async for row in connection.cursor(_ALL_RECORDS, prefetch=_ROWS):
        yield Insert(_record(_told(row["kind"]), _told(row["id"]), row))
    async for row in connection.cursor(_ALL_ENTRIES, prefetch=_ROWS):
        yield Append(_told(row["topic"]), row["entry"], row["expires_at"], HOMES[0])


def _place(change: Change) -> tuple[bool, str, str]:
    """Where a change stands in its commit: by its key, so that two commits never wait for each other."""
    match change:
        case Insert(record) | Replace(record, _):
            return False, record.kind, record.id
        case Append(topic):
            return True, topic, ""
        case _:
            return False, change.kind, change.id


_Row = tuple[str, str, str, int | None, int | None, float | None, list[str], bytes | None, bytes | None]


def _row(change: Change, chance: Chance) -> _Row:
    match change:
        case Insert(record):
            return "i", *_written(record, None)
        case Replace(record, was):
            return "r", *_written(record, was)
        case Delete(kind, id, was):
            return "d", _kept(kind), _kept(id), was, None, None, [], None, None
        case Check(kind, id, was):
            return "c", _kept(kind), _kept(id), was, None, None, [], None, None
        case Append(topic, entry, expires_at):
            return "a", _kept(topic), "", None, None, expires_at, [], entry, chance(NONCE)


def _written(
    record: Record, was: int | None
) -> tuple[str, str, int | None, int | None, float | None, list[str], bytes | None, bytes | None]:
    tags = sorted(map(_kept, record.tags))
    return _kept(record.kind), _kept(record.id), was, record.version, record.expires_at, tags, record.body, None


def _record(kind: str, id: str, row: Any) -> Record:
    tags: Iterable[str] = map(_told, row["tags"])
    return Record(kind, id, row["body"], row["version"], row["expires_at"], frozenset(tags))


def _kept(text: str) -> str:
    """``text`` as PostgreSQL can keep it: it has no text with a NUL in it."""
    return text.replace("\\", "\\\\").replace("\0", "\\0") if "\\" in text or "\0" in text else text


def _told(text: str) -> str:
    """What :func:`_kept` was given."""
    return _ESCAPED.sub(lambda found: "\0" if found[1] == "0" else "\\", text) if "\\" in text else text


def _position(cursor: Cursor | None) -> tuple[int, bytes]:
    if cursor is None:
        return 0, b""
    found = _CURSOR.fullmatch(cursor)
    if found is None:
        raise CursorLost("this is no cursor of this log")
    return int(found[1]), bytes.fromhex(found[2])
