"""A process that revokes is killed: before its commit it has ended nothing, after it it has ended all of it.

Both times it is stopped at the one instruction that matters.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from admit.authority import Authority
from admit.core.store import Cursor, Page
from admit.errors import Denied
from admit.sessions import Session
from admit.stores.sqlite_tail import SqliteTail
from processes.acts import EVERY, Held, accepted, authority, sign_in, sign_up, sqlite_of
from processes.crew import PATIENCE, Crew, Line
from processes.stops import AFTER_COMMIT, BEFORE_COMMIT, stop_at


async def doomed(line: Line, url: str, session: Session, moment: str) -> None:
    """Revokes, and comes as far as ``moment``."""

    def reached() -> None:
        line.say("reached")
        threading.Event().wait()

    async with authority(url) as auth:
        stop_at(moment, reached)
        await auth.revoke(session)
        line.say("survived")


async def witness(line: Line, url: str, held: Held) -> None:
    """Verifies once to be warm, and once more when it is told that the revoker is dead."""
    async with authority(url) as auth:
        line.say(await accepted(auth, held))
        line.hear()
        line.say(by_text(auth, held))


def by_text(auth: Authority, held: Held) -> list[str]:
    """Which credentials a plain verification accepts."""
    found: list[str] = []
    for name, door, text in (("cookie", "session", held.cookie), ("access token", "token", held.pair.access_token)):
        try:
            auth.verify(text, door)
        except Denied:
            continue
        found.append(name)
    return found


async def killed(crew: Crew, url: str, held: Held, moment: str) -> None:
    """A revoker has come and gone."""
    member = crew.start(doomed, url, held.session, moment)
    assert await member.hear() == "reached"
    await member.kill()


async def test_killed_before_its_commit_it_has_ended_nothing_and_nobody_is_stuck(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path / 'admit.db'}"
    async with authority(url) as auth, Crew() as crew:
        await sign_up(auth)
        held = await sign_in(auth)
        assert await accepted(auth, held) == EVERY
        stamp = sqlite_of(auth)._file.stamp
        settled = stamp.head
        await killed(crew, url, held, BEFORE_COMMIT)
        assert stamp.head != settled, "it has written the stamp of a commit that never was"

        reads = 0

        def counted(tail: SqliteTail, after: Cursor | None, read: Callable[..., Page] = SqliteTail.read) -> Page:
            nonlocal reads
            reads += 1
            return read(tail, after)

        monkeypatch.setattr(SqliteTail, "read", counted)
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            assert by_text(auth, held) == EVERY[:2]
            if stamp.head == settled:
                break
        assert stamp.head == settled, "every verification reads the log for ever"
        assert reads > 0
        reads = 0
        for _ in range(1_000):
            assert by_text(auth, held) == EVERY[:2]
        assert reads == 0

        assert await accepted(auth, held) == EVERY
        await auth.revoke(held.session)
        assert await accepted(auth, held) == []
        assert await accepted(auth, await sign_in(auth)) == EVERY


async def test_killed_after_its_commit_it_has_ended_all_of_it_everywhere(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'admit.db'}"
    async with authority(url) as auth, Crew() as crew:
        await sign_up(auth)
        held = await sign_in(auth)
        assert await accepted(auth, held) == EVERY
        other = crew.start(witness, url, held)
        assert await other.hear() == EVERY
        await killed(crew, url, held, AFTER_COMMIT)
        assert by_text(auth, held) == []
        other.say("it is dead")
        assert await other.hear() == []
        await other.leave()
        assert await accepted(auth, held) == []
        assert await accepted(auth, await sign_in(auth)) == EVERY
    async with authority(url) as auth:
        assert await accepted(auth, held) == []
        assert await accepted(auth, await sign_in(auth)) == EVERY


@pytest.mark.parametrize("moment", [BEFORE_COMMIT, AFTER_COMMIT])
async def test_a_server_that_starts_over_its_body_opens_and_serves(moment: str, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'admit.db'}"
    async with authority(url) as auth:
        await sign_up(auth)
        held = await sign_in(auth)
    async with Crew() as crew:
        await killed(crew, url, held, moment)
    async with authority(url) as auth:
        assert await accepted(auth, held) == (EVERY if moment == BEFORE_COMMIT else [])
        assert await accepted(auth, await sign_in(auth)) == EVERY
