"""What the counters of an SQLite store promise beyond the contract: several processes, a torn file, and a small one."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from collections.abc import AsyncGenerator
from contextlib import closing
from pathlib import Path

import pytest

from admit.errors import StoreUnavailable
from admit.stores import sqlite_counters
from admit.stores.sqlite import SqliteStore
from admit.testing.contract import now
from counts import times

WORKER = Path(__file__).with_name("worker.py")
AGE = 1e9
"""A window that nothing here outlives."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


@pytest.fixture
async def store(path: Path) -> AsyncGenerator[SqliteStore]:
    made = SqliteStore(path)
    await made.open()
    yield made
    await made.close()


async def test_processes_that_count_the_same_lose_no_hit(path: Path, store: SqliteStore) -> None:
    each = times("numbers counted by each process")
    command = [sys.executable, str(WORKER), str(path), "hit", str(each)]
    running = [asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.DEVNULL) for _ in range(2)]
    assert await asyncio.gather(*[process.wait() for process in await asyncio.gather(*running)]) == [0, 0]
    assert await store.count("key", AGE, now(), hits=0) == 2 * each


async def test_counts_outlive_the_process(path: Path, store: SqliteStore) -> None:
    await store.count("key", AGE, now())
    await store.close()
    await store.open()
    assert await store.count("key", AGE, now()) == 2


@pytest.mark.parametrize("content", [b"torn" * 2_000, b"SQLite format 3\x00" + b"\xff" * 8_000])
async def test_a_torn_file_is_begun_anew(path: Path, content: bytes) -> None:
    counts = path.with_name("store.db-counts")
    counts.write_bytes(content)
    store = SqliteStore(path)
    await store.open()
    assert await store.count("key", AGE, now()) == 1
    await store.close()


async def test_a_store_without_counters_does_not_open(path: Path, store: SqliteStore) -> None:
    await store.close()
    for file in path.parent.glob("store.db-counts*"):
        file.unlink()
    path.with_name("store.db-counts").mkdir()
    with pytest.raises(StoreUnavailable, match="unable to open"):
        await store.open()
    path.with_name("store.db-counts").rmdir()
    await store.open()


async def test_what_is_over_is_removed_by_counting(path: Path, store: SqliteStore) -> None:
    at = now()
    for number in range(50):
        await store.count(f"key {number}", 60.0, at - 3_600)
    for _ in range(sqlite_counters.TIDY_EVERY):
        await store.count("key", 60.0, at)
    with closing(sqlite3.connect(path.with_name("store.db-counts"))) as connection:
        assert connection.execute("SELECT key FROM counter").fetchall() == [("key",)]
