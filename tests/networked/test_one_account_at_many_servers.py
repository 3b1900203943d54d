"""Somebody signs in at several servers at once: he gets in at each of them, and has no more sessions than he may."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import pytest

from admit import sessions
from admit.core.session_policy import SessionPolicy
from admit.errors import StoreUnavailable
from admit.ledger import TRIES
from admit.sessions import Started
from admit.stores import open_store
from admit.system import SystemClock
from engines import Engine
from processes.acts import EMAIL, PASSWORD, sign_up
from worlds import MINUTE, Watched, authority, with_cookie

AT_MOST = 20
POLICY = SessionPolicy(idle=30 * MINUTE, absolute=120 * MINUTE, max_sessions=AT_MOST)
BOUND = 2.0


async def test_thirty_sign_ins_at_three_servers_all_succeed_and_keep_to_the_limit(engine: Engine) -> None:
    url = engine.database()
    async with AsyncExitStack() as held:
        servers = [authority(url, SystemClock(), sessions=POLICY, max_staleness=BOUND) for _ in range(3)]
        for server in servers:
            await held.enter_async_context(server)
        ann, most = await sign_up(servers[0]), 0

        async def sign_in(number: int) -> Started:
            nonlocal most
            server = servers[number % 3]
            started = await server.sessions.start(await server.accounts.sign_in(EMAIL, PASSWORD))
            most = max(most, len(await servers[0].sessions.of(ann)))
            return started

        begun = await asyncio.gather(*map(sign_in, range(30)))
        assert most == AT_MOST
        there = {session.id for session in await servers[0].sessions.of(ann)}
        assert len(there) == AT_MOST
        for started in begun:
            if started.session.id in there:
                assert (await servers[0].admit(with_cookie(started))).subject == ann


async def test_who_loses_one_race_after_the_other_signs_in_all_the_same(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = engine.database()
    watched = Watched(open_store(url))
    async with (
        authority(url, SystemClock(), max_staleness=BOUND) as faster,
        authority(watched, SystemClock(), max_staleness=BOUND) as here,
    ):
        proof, races = (await here.subjects.before("ann")).proven("pwd"), 2 * TRIES

        async def overtaken() -> None:
            nonlocal races
            if races > 0:
                races -= 1
                await faster.sessions.start(proof)

        watched.before["commit"] = overtaken
        started = await here.sessions.start(proof)
        assert races == 0
        assert (await faster.admit(with_cookie(started))).subject == "ann"
        # Nobody waits for ever, either.
        monkeypatch.setattr(sessions, "CONTEND", 0.05)
        races = 1_000_000
        with pytest.raises(StoreUnavailable, match="conflicts in a row"):
            await here.sessions.start(proof)
