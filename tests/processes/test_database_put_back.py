"""A database is put back from a backup: no server admits by it before everybody was signed out.

Under a stopped server the stamp file tells, under a running one the inode does. What was revoked since the backup is
not known any more, so whatever was issued before is over, or the operator said that it may go on.
"""

from __future__ import annotations

import asyncio
import itertools
import shutil
import sqlite3
import threading
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from admit.authority import Authority
from admit.errors import LostHistory
from processes.acts import (
    EVERY,
    Act,
    Held,
    accepted,
    act,
    admit,
    authority,
    refresh,
    sign_in,
    sign_up,
    spend,
    sqlite_of,
    verify,
)
from processes.crew import Crew, Line
from processes.stops import BEFORE_COMMIT, stop_at
from services import PassingClock

NOTICED_WITHIN = 1.0
"""Seconds, by verifications that read nothing."""


@dataclass(frozen=True)
class Before:
    """A file, a backup of it, and what people hold: ``kept``, and ``revoked``, which the backup has as valid."""

    path: Path
    backup: Path
    kept: Held
    revoked: Held
    ticket: str

    @property
    def url(self) -> str:
        return f"sqlite:///{self.path}"

    def put_back(self, *, alone: bool = False) -> None:
        """As an operator does it, another inode; ``alone``: the write-ahead log of the newer one is left there."""
        copy = self.path.with_name("copy")
        shutil.copy(self.backup, copy)
        copy.replace(self.path)
        for beside in () if alone else ("-wal", "-shm"):
            self.path.with_name(self.path.name + beside).unlink(missing_ok=True)

    def asking(self) -> list[Act]:
        """Whatever may ask the store."""
        return [
            *(act(admit, request) for request in self.kept.requests().values()),
            act(refresh, self.kept.pair.refresh_token),
            act(spend, self.ticket, "reset"),
            act(sign_in),
        ]

    def verifying(self) -> list[Act]:
        """What need not ask it, where it has been seen before."""
        texts = {"session": self.kept.cookie, "token": self.kept.pair.access_token}
        return [act(verify, text, door) for door in texts for text in (texts[door], "garbage")]


async def told(auth: Authority) -> Before:
    """The story until the backup and the revocation after it, on an open authority."""
    path = sqlite_of(auth)._file.path
    await sign_up(auth)
    kept, revoked = await sign_in(auth), await sign_in(auth)
    account = await auth.subjects.before(kept.session.subject)
    ticket = await auth.tickets.mint("reset", 600, account)
    assert await accepted(auth, kept) == await accepted(auth, revoked) == EVERY
    backup = path.with_name("backup")
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(backup)) as target:
        source.backup(target)
    await auth.revoke(revoked.session)
    # Caught up with the log: from here on nothing makes a verification read the store.
    assert await accepted(auth, kept) == EVERY
    return Before(path, backup, kept, revoked, ticket)


@asynccontextmanager
async def running(folder: Path, **settings: Any) -> AsyncGenerator[tuple[Authority, Before]]:
    async with authority(f"sqlite:///{folder / 'admit.db'}", **settings) as auth:
        yield auth, await told(auth)


@pytest.fixture
async def before(tmp_path: Path) -> Before:
    """A stopped server whose database was put back."""
    async with running(tmp_path) as (_, before):
        pass
    before.put_back()
    return before


async def everybody_is_signed_out(auth: Authority, before: Before) -> None:
    for held in (before.kept, before.revoked):
        assert await accepted(auth, held) == []
    assert (await act(spend, before.ticket, "reset").outcome(auth)).error in {"Revoked", "Replayed"}
    assert await accepted(auth, await sign_in(auth)) == EVERY


async def is_fenced(auth: Authority, before: Before) -> None:
    """Not yes, and not no either: a client must not throw its sign-in away."""
    for one in (*before.asking(), *before.verifying()):
        assert (await one.outcome(auth)).error == "LostHistory", one.what


async def test_a_server_does_not_start_on_an_older_database(before: Before) -> None:
    for _ in range(2):
        with pytest.raises(LostHistory):
            await authority(before.url).open()
    for one in before.asking():
        assert (await one.outcome(authority(before.url))).error == "LostHistory", one.what


async def test_restore_signs_everybody_out_and_opens_the_doors_again(before: Before) -> None:
    async with authority(before.url, on_lost_history="accept") as auth:
        await auth.restore()
    async with authority(before.url) as auth:
        await everybody_is_signed_out(auth, before)


async def test_a_restore_that_did_not_come_to_its_end_does_not_count(before: Before) -> None:
    async with authority(before.url, on_lost_history="accept"):
        pass
    with pytest.raises(LostHistory):
        await authority(before.url).open()


async def restorer(line: Line, url: str) -> None:
    """Restores, and is stopped when all is written and nothing committed."""

    def reached() -> None:
        line.say("reached")
        threading.Event().wait()

    async with authority(url, on_lost_history="accept") as auth:
        stop_at(BEFORE_COMMIT, reached)
        await auth.restore()


async def test_a_restore_that_was_killed_before_its_commit_does_not_count(before: Before) -> None:
    async with Crew() as crew:
        member = crew.start(restorer, before.url)
        assert await member.hear() == "reached"
        await member.kill()
    with pytest.raises(LostHistory):
        await authority(before.url).open()


async def test_a_server_told_to_end_everything_starts_and_has(before: Before) -> None:
    async with authority(before.url, on_lost_history="end everything") as auth:
        await everybody_is_signed_out(auth, before)
    async with authority(before.url) as auth:
        await everybody_is_signed_out(auth, before)


async def test_a_server_told_to_accept_it_goes_on(before: Before) -> None:
    async with authority(before.url, on_lost_history="accept") as auth:
        assert await accepted(auth, before.kept) == EVERY
        assert await accepted(auth, await sign_in(auth)) == EVERY


@pytest.mark.parametrize("alone", [False, True])
async def test_the_next_read_of_the_store_notices_a_replaced_file(tmp_path: Path, *, alone: bool) -> None:
    async with running(tmp_path) as (auth, before):
        before.put_back(alone=alone)
        with pytest.raises(LostHistory):
            await auth.sessions.get(before.kept.session.id)
        await is_fenced(auth, before)


async def test_verifications_alone_notice_it_within_a_second(tmp_path: Path) -> None:
    async with running(tmp_path) as (auth, before):
        before.put_back()
        replaced = began = last = time.monotonic()
        verifications = itertools.cycle(before.verifying()[::2])
        while not (await next(verifications).outcome(auth)).error:
            last, began = began, time.monotonic()
        assert last < replaced + NOTICED_WITHIN
        await is_fenced(auth, before)


async def test_a_fence_stays_however_long_one_waits(tmp_path: Path) -> None:
    clock = PassingClock()
    async with running(tmp_path, clock=clock) as (auth, before):
        before.put_back()
        for _ in range(5):
            clock.passes(NOTICED_WITHIN)
            await is_fenced(auth, before)


@pytest.mark.parametrize("first", ["a verification", "a sign-in"])
async def test_a_running_server_told_to_end_everything_recovers_by_itself(tmp_path: Path, first: str) -> None:
    clock = PassingClock()
    async with running(tmp_path, on_lost_history="end everything", clock=clock) as (auth, before):
        before.put_back()
        clock.passes(NOTICED_WITHIN)
        noticed = act(verify, before.kept.cookie, "session") if first == "a verification" else act(sign_in)
        assert (await noticed.outcome(auth)).error == "LostHistory"
        await everybody_is_signed_out(auth, before)


async def test_a_running_server_told_to_accept_it_goes_on(tmp_path: Path) -> None:
    clock = PassingClock()
    async with running(tmp_path, on_lost_history="accept", clock=clock) as (auth, before):
        before.put_back()
        clock.passes(NOTICED_WITHIN)
        assert (await act(sign_in).outcome(auth)).error == "LostHistory"
        assert await accepted(auth, before.kept) == EVERY
        # What this process knows to be over stays over, whatever the database says.
        assert await accepted(auth, before.revoked) == ["refresh token"]


async def test_a_crowd_at_the_door_ends_everything_once(tmp_path: Path) -> None:
    clock = PassingClock()
    async with running(tmp_path, on_lost_history="end everything", clock=clock) as (auth, before):
        before.put_back()
        clock.passes(NOTICED_WITHIN)
        outcomes = await asyncio.gather(*(act(sign_in).outcome(auth) for _ in range(20)))
        outcomes += await asyncio.gather(*(act(sign_in).outcome(auth) for _ in range(20)))
        assert {outcome.error for outcome in outcomes} <= {"", "LostHistory"}
        signed_in = [outcome.value for outcome in outcomes if not outcome.error]
        assert signed_in
        for held in signed_in:
            assert await accepted(auth, held) == EVERY
        await everybody_is_signed_out(auth, before)


async def test_the_second_server_to_notice_leaves_alone_whom_the_first_signed_in(tmp_path: Path) -> None:
    clock = PassingClock()
    settings = {"on_lost_history": "end everything", "clock": clock}
    async with running(tmp_path, **settings) as (first, before), authority(before.url, **settings) as second:
        before.put_back()
        clock.passes(NOTICED_WITHIN)
        assert (await act(sign_in).outcome(first)).error == "LostHistory"
        held = await sign_in(first)
        assert (await act(sign_in).outcome(second)).error == "LostHistory"
        await everybody_is_signed_out(second, before)
        for auth in (first, second):
            assert await accepted(auth, held) == EVERY
