"""The disk of a Redis is full: nothing is taken in, nothing that was acknowledged is taken back (OPS-02)."""

from __future__ import annotations

import asyncio

import pytest

from admit.authority import Authority
from on_redis.test_failures import BOUND, IMPATIENT
from postgresql.test_failures import PATIENCE, well_again
from postgresql.test_full_disk import fill, signed_in_and_out
from processes.acts import EVERY, SECRET, accepted, act, authority, sign_in, sign_up
from processes.runs import NO_ANSWER
from redises import redis

MEGABYTES = 8


@pytest.mark.parametrize("appendfsync", ["always", "everysec"])
async def test_a_full_disk_takes_nothing_in_and_nothing_back(appendfsync: str) -> None:
    with redis(MEGABYTES, appendfsync=appendfsync) as engine:
        url = engine.url(IMPATIENT)
        async with authority(url, secret=SECRET, max_staleness=BOUND) as auth:
            await sign_up(auth)
            early, ended = await sign_in(auth), await sign_in(auth)
            await auth.revoke(ended.session)
            filler = await asyncio.to_thread(fill, engine.folder)
            async with asyncio.timeout(PATIENCE):
                begun, over = await signed_in_and_out(auth)
            for held in (ended, *over[-3:]):
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
                for held in (early, *begun[-3:]):
                    assert await accepted(another, held) == EVERY
                for held in (ended, *over[-3:]):
                    assert await accepted(another, held) == []
