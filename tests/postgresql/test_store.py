"""A store in PostgreSQL, where others do not stand as it does: in its connections, which fall silent or are cut, and its locks."""

from __future__ import annotations

import asyncio
import os
import signal
import time

import asyncpg
import pytest

from admit.core.store import REVOCATIONS, Insert, Replace, Store
from admit.errors import Conflict, StoreUnavailable
from admit.stores import open_store, postgres_bell, together
from admit.testing.contract import entry, record
from networked.test_store import rung
from postgres import Engine, listening, postgres
from processes.runs import PATIENCE, answered


async def test_a_doorbell_whose_other_end_has_died_without_a_word_rings_again(
    engine: Engine, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_bell, "STILL_THERE", 0.3)
    await store.commit(entry(b"0"))
    page = await store.log(REVOCATIONS, None)
    waiting = asyncio.create_task(rung(store, page))
    ends = f"SELECT pid FROM pg_stat_activity WHERE {listening(url_of(store))}"
    while not (pid := await asyncio.to_thread(engine.run, ends)):
        pass
    os.kill(int(pid), signal.SIGSTOP)
    try:
        others = f"{ends} AND pid <> {pid}"
        async with asyncio.timeout(PATIENCE):
            while not await asyncio.to_thread(engine.run, others):
                pass
        await store.commit(entry(b"1"))
        assert (await asyncio.wait_for(waiting, PATIENCE / 2)).entries == (b"1",)
    finally:
        os.kill(int(pid), signal.SIGCONT)


def url_of(store: Store) -> str:
    return str(vars(store)["_place"].url)


async def test_connections_that_are_cut_come_back_by_themselves(engine: Engine, store: Store) -> None:
    await store.commit(Insert(record()))
    name = url_of(store).rpartition("/")[2]
    engine.run(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
    await answered(lambda: store.get(("thing", "a1")))
    assert (await store.get(("thing", "a1")))[0] is not None


async def test_however_many_ask_nobody_waits_for_the_others_longer_than_for_an_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(together, "TOGETHER", 1)
    with postgres() as engine:
        store = open_store(f"{engine.database()}?connect_timeout=1&statement_timeout=1")
        await store.open()
        with engine.stopped():
            began = time.monotonic()
            answers = await asyncio.gather(*(store.get(("thing", "a1")) for _ in range(100)), return_exceptions=True)
            # Two at a time, for a second each, they would all be told after the better part of a minute.
            assert time.monotonic() - began < PATIENCE / 2
        assert {type(answer) for answer in answers} == {StoreUnavailable}
        await answered(lambda: store.get(("thing", "a1")))
        await store.close()


async def test_of_two_that_wait_for_each_other_one_may_try_again(engine: Engine) -> None:
    url = engine.database()
    engine.run(f"ALTER DATABASE {url.rpartition('/')[2]} SET deadlock_timeout = '2s'")
    store = open_store(f"{url}?lock_timeout=30&statement_timeout=30")
    await store.open()
    one, two = record("1"), record("2")
    await store.commit(Insert(one), Insert(two))
    other = await asyncpg.connect(url)
    await other.execute("SET deadlock_timeout = '1min'; BEGIN; SELECT FROM admit.record WHERE id = 'a2' FOR UPDATE")
    both = asyncio.create_task(store.commit(Replace(record("1"), one.version), Replace(record("2"), two.version)))
    waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%admit.commit%'"
    while await asyncio.to_thread(engine.run, waits) == "0":
        pass
    await other.execute("SELECT FROM admit.record WHERE id = 'a1' FOR UPDATE")
    with pytest.raises(Conflict):
        await both
    await other.close()
    await store.close()
