"""A store behind Sentinel: whoever takes over is asked, and nobody has to start anew for it."""

from __future__ import annotations

import asyncio

import pytest
from redis import Redis

from admit.core.store import Insert
from admit.errors import StoreUnavailable
from admit.stores import examine, open_store
from admit.testing.contract import entry, record, walk, whole_log
from processes.acts import EVERY, SECRET, accepted, authority, sign_in, sign_up
from processes.runs import answered
from redises import eventually, watched

BOUND = 1.0


async def test_when_another_takes_over_it_is_asked_and_nobody_who_was_signed_out_is_let_in() -> None:
    with watched() as (servers, sentinel):
        url = f"redis+sentinel://127.0.0.1:9,{sentinel.address}/main?replicas=1&timeout=5"
        async with authority(url, secret=SECRET, max_staleness=BOUND) as auth:
            await sign_up(auth)
            held, ended = await sign_in(auth), await sign_in(auth)
            assert await accepted(auth, ended) == EVERY
            await auth.revoke(ended.session)
            with Redis(port=servers[0].port) as client:
                client.set("after", "all of it")
                assert client.wait(2, 10_000) == 2  # one replica was enough for us, and Sentinel may choose the other
            servers[0].kill()
            names = ("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "main")
            await asyncio.to_thread(eventually, lambda: str(servers[0].port) not in sentinel.run(*names))
            await answered(lambda: auth.sessions.get(held.session.id))
            await answered(lambda: sign_in(auth))
            assert await accepted(auth, await sign_in(auth)) == EVERY
            assert await accepted(auth, held) == EVERY
            assert await accepted(auth, ended) == []
        assert {one.state for one in (await examine(url)).findings if one.what in {"Redis", "failover"}} == {"good"}


async def test_a_commit_that_no_replica_has_is_not_acknowledged() -> None:
    with watched() as (servers, sentinel):
        store = open_store(f"redis+sentinel://{sentinel.address}/main?replicas=2&timeout=5")
        await store.open()
        await store.commit(Insert(record(tags="t")), entry(b"0"))
        assert await walk(store, "t") == ["a1"]
        assert await whole_log(store) == [b"0"]
        with servers[2].stopped(), pytest.raises(StoreUnavailable, match="replicas"):
            await store.commit(entry(b"1"))
        await answered(lambda: store.commit(entry(b"2")))
        await store.close()


async def test_a_name_that_no_sentinel_knows_is_told() -> None:
    with watched() as (_, sentinel), pytest.raises(StoreUnavailable, match="'other' is not known"):
        await open_store(f"redis+sentinel://{sentinel.address}/other").open()
    with pytest.raises(StoreUnavailable, match="nobody answers"):
        await open_store("redis+sentinel://127.0.0.1:9/main").open()
