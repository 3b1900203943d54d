"""The disk of a database server is full: nothing is taken in, nothing that was acknowledged is taken back (OPS-02)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

import pytest

from admit.authority import Authority
from engines import Engine
from postgres import postgres
from processes.acts import EVERY, SECRET, Held, accepted, act, authority, revoke, sign_in, sign_up
from processes.runs import NO_ANSWER, PATIENCE, well_again
from redises import redis

BOUND = 1.0
PIECE = bytes(1 << 12)
KEPT = 3

SMALL: dict[str, Callable[[], AbstractContextManager[Engine]]] = {
    "postgresql": partial(postgres, 64, min_wal_size="2MB", max_wal_size="4MB"),
    "redis-always": partial(redis, 8, appendfsync="always"),
    "redis-everysec": partial(redis, 8, appendfsync="everysec"),
}
"""Each on a disk of a few megabytes."""


def fill(disk: Path) -> Path:
    """A file that leaves no room for anything else."""
    path = disk / "filler"
    with path.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(PIECE)
        except OSError:
            return path


async def signed_in_and_out(auth: Authority) -> tuple[list[Held], list[Held]]:
    """Who was told that he is signed in, and who that he is signed out again, before there was no answer any more."""
    begun: list[Held] = []
    over: list[Held] = []
    while True:
        done = await act(sign_in).outcome(auth)
        if not done.error:
            begun.append(done.value)
            if len(begun) > KEPT:
                leaving = begun.pop(0)
                done = await act(revoke, leaving).outcome(auth)
                over += [] if done.error else [leaving]
        if done.error:
            assert done.error in NO_ANSWER
            return begun, over


@pytest.mark.parametrize("kind", SMALL)
async def test_a_full_disk_takes_nothing_in_and_nothing_back(kind: str) -> None:
    with SMALL[kind]() as engine:
        url = engine.database() + engine.IMPATIENT
        async with authority(url, secret=SECRET, max_staleness=BOUND) as auth:
            await sign_up(auth)
            early, ended = await sign_in(auth), await sign_in(auth)
            await auth.revoke(ended.session)
            filler = await asyncio.to_thread(fill, engine.folder)
            async with asyncio.timeout(PATIENCE):
                begun, over = await signed_in_and_out(auth)
            for held in (ended, *over[-KEPT:]):
                for request in held.requests().values():
                    outcome = await act(Authority.admit, request).outcome(auth)
                    assert outcome.error in {"Revoked", "BadCredential", *NO_ANSWER}
            for request in early.requests().values():
                assert (await act(Authority.admit, request).outcome(auth)).error in {"", *NO_ANSWER}
            filler.unlink()
            # One that may not acknowledge what is not on the disk gives up; whoever watches over it starts it again.
            if await asyncio.to_thread(engine.has_ended):
                await asyncio.to_thread(engine.start)
            await well_again(auth)
            async with authority(url, secret=SECRET) as another:
                for held in (early, *begun):
                    assert await accepted(another, held) == EVERY
                for held in (ended, *over[-KEPT:]):
                    assert await accepted(another, held) == []
