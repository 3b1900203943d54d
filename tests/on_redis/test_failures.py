"""A Redis that nobody repeats, or that has no memory left, lets nobody in or out by it (OPS-02)."""

from __future__ import annotations

import asyncio

from processes.acts import EVERY, SECRET, accepted, act, authority, revoke, sign_in
from processes.runs import begun, well_again
from redises import eventually, pair, redis

BOUND = 1.0


async def test_a_primary_that_is_cut_off_from_its_replica_lets_nobody_in() -> None:
    with pair() as (primary, replica):
        async with authority(primary.url(primary.IMPATIENT), secret=SECRET, max_staleness=BOUND) as auth:
            run = await begun(auth)
            with replica.stopped():
                eventually(lambda: primary.says("replication")["min_slaves_good_slaves"] == "0")
                await run.nobody_is_let_in(BOUND)
            await well_again(auth)
            assert await accepted(auth, run.revoked) == []
            assert await accepted(auth, await sign_in(auth)) == EVERY


async def test_where_memory_is_full_nobody_signs_in_and_everybody_can_be_signed_out() -> None:
    with redis() as engine:
        async with authority(engine.url(engine.IMPATIENT), secret=SECRET, max_staleness=BOUND) as auth:
            run = await begun(auth)
            held = await sign_in(auth)
            engine.run("CONFIG", "SET", "maxmemory", "1")
            assert (await act(sign_in).outcome(auth)).error == "StoreUnavailable"
            await asyncio.sleep(BOUND * 1.01)
            assert await accepted(auth, held) == EVERY
            assert not (await act(revoke, held).outcome(auth)).error
            assert await accepted(auth, held) == []
            engine.run("CONFIG", "SET", "maxmemory", "0")
            assert await accepted(auth, await sign_in(auth)) == EVERY
            assert await accepted(auth, run.warm) == EVERY
