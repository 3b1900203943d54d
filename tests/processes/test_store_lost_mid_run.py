"""The store is lost in the middle of a run: removed, spoilt, locked or full, it lets nobody in or out (OPS-02).

Whoever is asked then says that there is no answer: StoreUnavailable or LostHistory, never a wrong yes, and never
Denied, at which a client would throw its sign-in away.
"""

from __future__ import annotations

import os
import resource
import sqlite3
from collections.abc import AsyncGenerator
from contextlib import closing
from pathlib import Path

import pytest

from admit.stores import sqlite
from processes.acts import EVERY, accepted, act, authority, revoke, sign_in, sign_up, sqlite_of
from processes.crew import Crew, Line
from processes.runs import NO_ANSWER, Run, begun


@pytest.fixture
async def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[Run]:
    monkeypatch.setattr(sqlite, "PATIENCE", 0.1)
    async with authority(f"sqlite:///{tmp_path / 'admit.db'}") as auth:
        yield await begun(auth)


def path_of(run: Run) -> Path:
    return sqlite_of(run.auth)._file.path


@pytest.mark.parametrize("lost", ["", "-wal", "-stamp"])
async def test_a_file_that_was_removed_is_no_answer(run: Run, lost: str) -> None:
    path = path_of(run)
    path.with_name(path.name + lost).unlink()
    await run.nobody_is_told_a_lie()
    for one in run.asking():
        assert (await one.outcome(run.auth)).error in NO_ANSWER, one.what
    await run.nobody_is_told_a_lie()


async def test_a_store_that_was_closed_is_no_answer(run: Run) -> None:
    await sqlite_of(run.auth).close()
    await run.nobody_is_told_a_lie()
    for one in run.asking():
        assert (await one.outcome(run.auth)).error in NO_ANSWER, one.what


async def spoiler(line: Line, path: Path) -> None:
    """Overwrites a database in its place, all of it."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with path.open("r+b") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        file.write(b"\xa5" * size)
    line.say("spoilt")


async def test_a_file_that_was_overwritten_is_no_answer(run: Run) -> None:
    async with Crew() as crew:
        assert await crew.start(spoiler, path_of(run)).hear() == "spoilt"
    await run.nobody_is_told_a_lie()
    for one in run.asking():
        assert (await one.outcome(run.auth)).error in NO_ANSWER, one.what
    await run.nobody_is_told_a_lie()


async def locker(line: Line, path: Path) -> None:
    """Holds the write lock for as long as it lives."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        line.say("locked")
        line.hear()


async def test_a_file_that_is_locked_is_no_answer_until_it_is_free(run: Run) -> None:
    async with Crew() as crew:
        member = crew.start(locker, path_of(run))
        assert await member.hear() == "locked"
        for one in run.writing():
            assert (await one.outcome(run.auth)).error == "StoreUnavailable", one.what
            await run.nobody_is_told_a_lie()
    assert await accepted(run.auth, run.warm) == await accepted(run.auth, run.cold) == EVERY
    await run.auth.revoke(run.warm.session)
    assert await accepted(run.auth, run.warm) == []


async def crowded(line: Line, url: str) -> None:
    """A server whose disk becomes full: no file may grow any more."""
    async with authority(url) as auth:
        held = await sign_in(auth)
        assert await accepted(auth, held) == EVERY
        path = sqlite_of(auth)._file.path
        _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        full = path.with_name(f"{path.name}-wal").stat().st_size
        resource.setrlimit(resource.RLIMIT_FSIZE, (full, hard))
        for what in (act(revoke, held), act(sign_in), act(sign_up, "bob@example.com")):
            assert (await what.outcome(auth)).error == "StoreUnavailable", what.what
        assert await accepted(auth, held) == EVERY, "what was not acknowledged has not happened"
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        await auth.revoke(held.session)
        assert await accepted(auth, held) == []
        assert await accepted(auth, await sign_in(auth)) == EVERY
    line.say("all is well")


async def test_a_full_disk_takes_nothing_back_and_nothing_in(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'admit.db'}"
    async with authority(url) as auth:
        await sign_up(auth)
    async with Crew() as crew:
        assert await crew.start(crowded, url).hear() == "all is well"
