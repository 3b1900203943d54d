"""A server is killed in the middle of its work, again and again: what it acknowledged stays, and the file can be read."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

import pytest

import engines
from admit.authority import Authority
from counts import times
from processes.acts import EVERY, Held, accepted, authority, refresh, sign_in, sign_up
from processes.crew import Crew, Line

AT_ONCE = 4
LONGEST_LIFE = 0.2
"""Seconds a server works before it is killed, at most."""


@dataclass(frozen=True)
class Told:
    """What a server said of a session: ``began`` before it revoked it, ``ended`` when that was acknowledged."""

    held: Held
    began: bool = False
    ended: bool = False


async def server(line: Line, url: str) -> None:
    """Starts sessions, rotates their tokens, revokes every other one, and tells of each as soon as it may."""

    async def work() -> None:
        for turn in range(1_000_000):
            told = Told(await sign_in(auth))
            line.say(told)
            told = Told(replace(told.held, pair=await refresh(auth, told.held.pair.refresh_token)))
            line.say(told)
            if turn % 2:
                line.say(replace(told, began=True))
                await auth.revoke(told.held.session)
                line.say(replace(told, began=True, ended=True))

    async with authority(url) as auth:
        await sign_in(auth)
        line.say("ready")
        await asyncio.gather(*(work() for _ in range(AT_ONCE)))


async def killed(crew: Crew, url: str, life: float) -> dict[str, Told]:
    """The last that a server said of each session before it was killed, ``life`` seconds after its first word."""
    member = crew.start(server, url)
    assert await member.hear() == "ready"
    # From its first word on: on a busy machine it might have done nothing else by then.
    said: list[Told] = [await member.hear()]
    end = time.monotonic() + life
    while (left := end - time.monotonic()) > 0:
        try:
            said.append(await member.hear(left))
        except TimeoutError:
            break
    await member.kill()
    said += await member.rest()
    return {told.held.session.id: told for told in said}


async def judge(auth: Authority, told: dict[str, Told]) -> None:
    """What was acknowledged is so; what was not is so or not, but not by half."""
    for one in told.values():
        found = await accepted(auth, one.held)
        if one.ended:
            assert found == []
        elif one.began:
            assert found in ([], EVERY)
        else:
            assert found == EVERY
    assert await accepted(auth, await sign_in(auth)) == EVERY


def is_whole(path: Path) -> bool:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


@pytest.mark.parametrize("kind", engines.SERVERS)
async def test_nothing_acknowledged_to_a_server_is_lost(kind: str, chaos: Random) -> None:
    url = engines.fresh(kind)
    async with authority(url) as auth, Crew() as crew:
        await sign_up(auth)
        for _ in range(times("kills on a server")):
            told = await killed(crew, url, chaos.uniform(0, LONGEST_LIFE))
            await auth._gate.catch_up()
            await judge(auth, told)


async def test_nothing_acknowledged_is_lost_and_the_file_is_whole(
    tmp_path: Path, chaos: Random, record_property: Callable[[str, str], None]
) -> None:
    path = tmp_path / "admit.db"
    url = f"sqlite:///{path}"
    async with authority(url) as auth:
        await sign_up(auth)
    sessions = 0
    ended: dict[str, Told] = {}
    async with Crew() as crew:
        for turn in range(times("kills")):
            life = chaos.uniform(0, LONGEST_LIFE)
            if turn % 2:
                # Over its body: nobody else had the file open, so the next one recovers the log.
                told = await killed(crew, url, life)
                assert is_whole(path)
                async with authority(url) as auth:
                    await judge(auth, told)
            else:
                async with authority(url) as auth:
                    told = await killed(crew, url, life)
                    await judge(auth, told)
                    assert is_whole(path)
            sessions += len(told)
            ended |= {id: one for id, one in told.items() if one.ended}
    async with authority(url) as auth:
        await judge(auth, ended)
    assert ended
    record_property("note", f"{times('kills')} kills, {sessions} sessions, {len(ended)} revocations, none lost")
