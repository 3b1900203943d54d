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
from dataclasses import dataclass
from pathlib import Path

import pytest

from admit.authority import Authority
from admit.stores import sqlite
from processes.acts import (
    EVERY,
    PASSWORD,
    Act,
    Held,
    accepted,
    act,
    admit,
    authority,
    change_password,
    refresh,
    revoke,
    sign_in,
    sign_out_everywhere,
    sign_up,
    spend,
    sqlite_of,
    verify,
)
from processes.crew import Crew, Line

NO_ANSWER = {"StoreUnavailable", "LostHistory"}


@dataclass(frozen=True)
class Run:
    """A server in the middle of its work: ``warm`` has been seen by it, ``cold`` not yet, and ``revoked`` is over."""

    auth: Authority
    path: Path
    warm: Held
    cold: Held
    revoked: Held
    ticket: str

    def asking(self) -> list[Act]:
        """What cannot be answered without the store."""
        return [*self.writing(), act(admit, self.cold.requests()["cookie"]), act(refresh, self.cold.pair.refresh_token)]

    def writing(self) -> list[Act]:
        """What cannot be done without a commit."""
        return [
            act(refresh, self.warm.pair.refresh_token),
            act(spend, self.ticket, "reset"),
            act(sign_in),
            act(sign_up, "bob@example.com"),
            act(change_password, self.warm, PASSWORD, "another one, not shorter"),
            act(sign_out_everywhere, self.warm.session.subject),
            act(revoke, self.cold),
        ]

    async def nobody_is_told_a_lie(self) -> None:
        """Of what was seen before, yes may still be proven; a no would be wrong, and so would a yes to what is over."""
        for held, wrong in ((self.warm, "a live one refused"), (self.revoked, "a revoked one accepted")):
            for door, text in (("cookie", held.cookie), ("bearer", held.pair.access_token)):
                outcome = await act(verify, text, door).outcome(self.auth)
                right = "" if held is self.warm else "Revoked"
                assert outcome.error in {right, *NO_ANSWER}, wrong


@pytest.fixture
async def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[Run]:
    monkeypatch.setattr(sqlite, "PATIENCE", 0.1)
    async with authority(f"sqlite:///{tmp_path / 'admit.db'}") as auth:
        await sign_up(auth)
        warm, cold, revoked = [await sign_in(auth) for _ in range(3)]
        for held in (warm, revoked):
            for request in held.requests().values():
                await auth.admit(request)
        await auth.revoke(revoked.session)
        auth.verify(warm.cookie, "cookie")
        ticket = await auth.tickets.mint("reset", 600)
        yield Run(auth, sqlite_of(auth)._file.path, warm, cold, revoked, ticket)


@pytest.mark.parametrize("lost", ["", "-wal", "-stamp"])
async def test_a_file_that_was_removed_is_no_answer(run: Run, lost: str) -> None:
    run.path.with_name(run.path.name + lost).unlink()
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
        assert await crew.start(spoiler, run.path).hear() == "spoilt"
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
        member = crew.start(locker, run.path)
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
