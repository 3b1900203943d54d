"""The disk of a PostgreSQL is full: nothing is taken in, nothing that was acknowledged is taken back (OPS-02)."""

from __future__ import annotations

import asyncio
from pathlib import Path

from admit.authority import Authority
from postgres import postgres
from postgresql.test_failures import BOUND, IMPATIENT, PATIENCE, well_again
from processes.acts import EVERY, SECRET, Held, accepted, act, authority, revoke, sign_in, sign_up
from processes.runs import NO_ANSWER

MEGABYTES = 64
PIECE = bytes(1 << 12)


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
    """Who was signed in, and who was signed out again, before there was no answer any more."""
    begun: list[Held] = []
    over: list[Held] = []
    while True:
        done = await act(sign_in).outcome(auth)
        if not done.error:
            begun.append(done.value)
            done = await act(revoke, begun[0]).outcome(auth)
        if done.error:
            assert done.error in NO_ANSWER
            return begun, over
        over.append(begun.pop(0))


async def test_a_full_disk_takes_nothing_in_and_nothing_back() -> None:
    with postgres(MEGABYTES, min_wal_size="2MB", max_wal_size="4MB") as engine:
        url = f"{engine.database()}?{IMPATIENT}"
        async with authority(url, secret=SECRET, max_staleness=BOUND) as auth:
            await sign_up(auth)
            early, ended = await sign_in(auth), await sign_in(auth)
            await auth.revoke(ended.session)
            filler = await asyncio.to_thread(fill, engine.folder)
            async with asyncio.timeout(PATIENCE):
                _, over = await signed_in_and_out(auth)
            for held in (ended, *over[-3:]):
                for request in held.requests().values():
                    assert (await act(Authority.admit, request).outcome(auth)).error in {
                        "Revoked",
                        "BadCredential",
                        *NO_ANSWER,
                    }
            filler.unlink()
            if await asyncio.to_thread(engine.has_ended):
                await asyncio.to_thread(engine.start)
            await well_again(auth)
            async with authority(url, secret=SECRET) as another:
                assert await accepted(another, early) == EVERY
                for held in (ended, *over[-3:]):
                    assert await accepted(another, held) == []
