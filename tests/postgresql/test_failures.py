"""A PostgreSQL has no connection left, and nobody is let in or out by it (OPS-02)."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import asyncpg
import pytest

from admit.errors import StoreUnavailable
from admit.stores import open_store
from postgres import postgres
from processes.acts import EVERY, SECRET, accepted, act, authority, sign_in
from processes.runs import NO_ANSWER, begun, well_again

BOUND = 1.0


async def all_connections(url: str) -> list[asyncpg.Connection[asyncpg.Record]]:
    """Every connection that a server still has."""
    taken: list[asyncpg.Connection[asyncpg.Record]] = []
    with suppress(asyncpg.TooManyConnectionsError):
        while True:
            taken.append(await asyncpg.connect(url))
    return taken


async def test_with_no_connection_left_there_is_no_answer_until_there_is_one() -> None:
    with postgres(max_connections="12") as engine:
        url = engine.database()
        async with authority(url + engine.IMPATIENT, secret=SECRET, max_staleness=BOUND) as auth:
            run = await begun(auth)
            taken = await all_connections(url)
            with pytest.raises(StoreUnavailable):
                await open_store(url).open()
            # Who has a connection keeps it, and those who wait for one get it.
            outcomes = await asyncio.gather(*(act(sign_in).outcome(auth) for _ in range(20)))
            assert {outcome.error for outcome in outcomes} <= {"", *NO_ANSWER}
            await run.nobody_is_told_a_lie()
            for connection in taken:
                await connection.close()
            await well_again(auth)
            outcomes = await asyncio.gather(*(act(sign_in).outcome(auth) for _ in range(20)))
            assert {outcome.error for outcome in outcomes} == {""}
            assert await accepted(auth, run.warm) == EVERY
