"""Several processes on one SQLite file: they start together, count together, and die at any moment."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path
from select import select
from time import monotonic

import pytest

from admit.core.store import REVOCATIONS, Insert, Record
from admit.stores.sqlite import SqliteStore
from admit.testing.contract import entry, whole_log
from counts import times

WORKER = Path(__file__).with_name("worker.py")
SOON = 60.0
"""Seconds for what takes a tenth of one on a machine that has nothing else to do."""


def _started(command: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command, stdout=subprocess.PIPE)


@contextmanager
def worker(path: Path, task: str, argument: str) -> Generator[subprocess.Popen[bytes]]:
    """A process at work on the store at ``path``, which has opened it."""
    command = [sys.executable, str(WORKER), str(path), task, argument]
    with _started(command) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == b"open\n"
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("life", range(times("lives of a writer")))
async def test_a_writer_killed_at_any_moment_loses_nothing_that_it_acknowledged(
    tmp_path: Path, chaos: random.Random, life: int
) -> None:
    path = tmp_path / "store.db"
    with worker(path, "write", "w") as process:
        assert process.stdout is not None
        told = _until(process.stdout.fileno(), monotonic() + chaos.uniform(0.0, 0.2))
        process.send_signal(signal.SIGKILL)
        told += process.stdout.read()
    acknowledged = told.count(b"\n")
    async with SqliteStoreOpen(path) as store:
        logged = await whole_log(store)
        assert acknowledged <= len(logged) <= acknowledged + 1
        assert logged == [b"w.%d" % number for number in range(len(logged))]
        records = [await store.get(("thing", f"aw.{number}")) for number in range(len(logged) + 1)]
        assert [found != [None] for found in records] == [True] * len(logged) + [False]
        assert len(logged) == 0 or not store.tail.moved((await store.log(REVOCATIONS, None)).stamp)
        await store.commit(entry(b"and on"))
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


async def test_a_dead_writer_stops_nobody_who_has_the_file_open(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    async with SqliteStoreOpen(path) as store:
        for life in range(3):
            with worker(path, "write", f"w{life}") as process:
                assert process.stdout is not None
                process.stdout.readline()
            page = store.tail.read(None)
            entries = list(page.entries)
            until = monotonic() + SOON
            while store.tail.moved(page.stamp) and monotonic() < until:
                page = store.tail.read(page.cursor)
                entries += page.entries
            assert not store.tail.moved(page.stamp), "verifications read the store for ever"
            assert b"w%d.0" % life in entries
            await store.commit(entry(b"and on"))


async def test_processes_that_start_together_share_one_store(tmp_path: Path) -> None:
    path = tmp_path / "new" / "store.db"
    command = [sys.executable, str(WORKER), str(path), "write"]
    started = [_started([*command, str(number)]) for number in range(4)]
    for process in started:
        with process:
            assert process.stdout is not None
            assert [process.stdout.readline(), process.stdout.readline()] == [b"open\n", b"0\n"]
            process.kill()
    async with SqliteStoreOpen(path) as store:
        assert {b"0.0", b"1.0", b"2.0", b"3.0"} <= set(await whole_log(store))


async def test_processes_that_count_together_lose_no_number(tmp_path: Path) -> None:
    path, each = tmp_path / "store.db", times("numbers counted by each process")
    async with SqliteStoreOpen(path) as store:
        await store.commit(Insert(Record("counter", "a", b"0", 1)))
        with worker(path, "count", str(each)) as one, worker(path, "count", str(each)) as two:
            assert [one.wait(120), two.wait(120)] == [0, 0]
        [end] = await store.get(("counter", "a"))
        assert end is not None
        assert end.body == b"%d" % (2 * each)
        assert await whole_log(store) == [b"%d" % number for number in range(1, 2 * each + 1)]
        assert store.tail.read(None) == await store.log(REVOCATIONS, None)


def test_a_forked_child_is_told_to_open_its_own(tmp_path: Path) -> None:
    with worker(tmp_path / "store.db", "fork", "") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"3\n", "the child was answered by its parent's store, or by neither"


class SqliteStoreOpen:
    """A store that is open inside ``async with``."""

    def __init__(self, path: Path) -> None:
        self._store = SqliteStore(path)

    async def __aenter__(self) -> SqliteStore:
        await self._store.open()
        return self._store

    async def __aexit__(self, *_: object) -> None:
        await self._store.close()


def _until(pipe: int, moment: float) -> bytes:
    """What comes out of ``pipe`` until then."""
    told = b""
    while (left := moment - monotonic()) > 0:
        if select([pipe], [], [], left)[0]:
            told += os.read(pipe, 1 << 16)
    return told
