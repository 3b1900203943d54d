"""The tables of the classic strategies: the same promises on every store, and counts that are what was sent."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from admit.errors import ConfigError
from admit.lab.strategy import Count, Unavailable
from admit.lab.tables import open_table
from admit.lab.tables.sqlite import SqliteTable
from admit.lab.tables.table import Row, Table
from engines import SERVERS, fresh

KINDS = ("memory", "sqlite", *(kind for kind in SERVERS if kind in {"postgresql", "redis"}))
READS = 20


def url_of(kind: str, folder: Path) -> str:
    urls = {"memory": "memory://tables", "sqlite": f"sqlite:///{folder}/tables.db"}
    return urls.get(kind) or fresh(kind)


def row(key: bytes, subject: str = "ann", proof: bytes = b"") -> Row:
    # Keys and data are any bytes at all; a line ends inside of them, too.
    expires = int(time.time()) + 600
    return Row(key=key, subject=subject, roles="user", expires_at=expires, data=b"\x00\n\xff\n", proof=proof)


@pytest.fixture(params=KINDS)
async def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return url_of(request.param, tmp_path)


@pytest.fixture
async def table(url: str) -> AsyncIterator[Table]:
    found = await open_table(url, "some-rows", Count())
    yield found
    await found.close()


async def test_a_row_is_found_as_it_was_put_by_all_who_share_the_store(table: Table, url: str) -> None:
    rows = [row(b"\n1"), row(b"\n2", "bob"), row(b"3\x00")]
    await table.put(*rows)
    other = await open_table(url, "some-rows", Count())
    assert [await other.get(one.key) for one in (*rows, row(b"4"))] == [*rows, None]
    await other.close()


async def test_what_ends_is_told_and_the_others_stay(table: Table) -> None:
    rows = [row(b"1"), row(b"2"), row(b"3"), row(b"4", "bob")]
    await table.put(*rows)
    assert [await table.end(b"1"), await table.end(b"1")] == [rows[0], None]
    changed = await table.set_roles("ann", "guest editor")
    assert sorted(changed, key=lambda one: one.key) == [replace(one, roles="guest editor") for one in rows[1:3]]
    assert await table.get(b"2") == replace(rows[1], roles="guest editor")
    assert {one.key for one in await table.end_all("ann")} == {b"2", b"3"}
    assert await table.end_all("ann") == []
    assert [await table.get(one.key) for one in rows] == [None, None, None, rows[3]]


async def test_a_row_is_swapped_once_and_not_when_its_roles_have_changed(table: Table) -> None:
    was = row(b"1", proof=b"one")
    now = replace(was, proof=b"two", data=b"more")
    await table.put(was)
    assert sorted(await asyncio.gather(*(table.swap(was, now) for _ in range(5)))) == [False] * 4 + [True]
    assert await table.get(b"1") == now
    await table.set_roles("ann", "guest")
    assert not await table.swap(now, replace(now, proof=b"three"))
    assert not await table.swap(row(b"2"), row(b"2"))


async def test_what_has_ended_may_end_again(url: str) -> None:
    table = await open_table(url, "ended", Count(), owned=False)
    for _ in range(2):
        await table.put(row(b"jti", ""))
    assert (await table.get(b"jti")) is not None
    await table.close()


async def test_a_store_that_is_none_and_a_name_that_is_none_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        await open_table("mysql://127.0.0.1/db", "some-rows", Count())
    with pytest.raises(ValueError, match="no name"):
        await open_table(f"sqlite:///{tmp_path}/a.db", "rows; DROP TABLE rows", Count())
    with pytest.raises(Unavailable):
        await open_table(f"sqlite:///{tmp_path}/no/folder/a.db", "some-rows", Count())


async def test_an_sqlite_table_counts_the_statements_that_sqlite_runs(tmp_path: Path) -> None:
    count, statements = Count(), list[str]()
    table = await open_table(f"sqlite:///{tmp_path}/a.db", "some-rows", count)
    assert isinstance(table, SqliteTable)
    connections: list[sqlite3.Connection] = [table._reader, table._writer]
    for connection in connections:
        connection.set_trace_callback(statements.append)
    await table.put(row(b"1"))
    for _ in range(READS):
        await table.get(b"1")
    await table.end_all("ann")
    ran = [one for one in statements if one.startswith(("SELECT", "INSERT", "DELETE"))]
    assert (len(ran), count.operations, count.round_trips) == (READS + 2, READS + 2, 0)
    await table.close()
