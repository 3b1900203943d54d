"""A store in PostgreSQL: it keeps the contract, and what it says when its server fails, is another, or is none."""

from __future__ import annotations

import asyncio
import os
import signal
import time

import asyncpg
import pytest

from admit.core.store import REVOCATIONS, Insert, Page, Replace, Store
from admit.errors import Conflict, StoreUnavailable
from admit.stores import open_store, postgres_bell, together
from admit.testing import StoreContract
from admit.testing.contract import Make, entry, record
from postgres import Engine, postgres

PATIENCE = 60.0


class TestPostgres(StoreContract):
    @pytest.fixture
    def make(self, engine: Engine) -> Make:
        return lambda: open_store(engine.database())


async def answered(store: Store) -> None:
    """Return once it answers again; nobody opens it anew."""
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                await store.get(("thing", "a1"))
            except StoreUnavailable:
                await asyncio.sleep(0.05)
            else:
                return


async def rung(store: Store, page: Page) -> Page:
    """What comes behind ``page``, for who waits for it; a doorbell may ring for nothing."""
    while not (news := await store.log(REVOCATIONS, page.cursor, wait=PATIENCE)).entries:
        pass
    return news


async def test_who_waits_for_news_has_them_when_they_are_committed(engine: Engine, store: Store) -> None:
    await store.commit(entry(b"0"))
    page = await store.log(REVOCATIONS, None)
    waiting = asyncio.create_task(rung(store, page))
    other = store.again()
    await other.open()
    await other.commit(entry(b"1"))
    assert (await asyncio.wait_for(waiting, PATIENCE / 2)).entries == (b"1",)
    await other.close()


async def test_a_wait_without_news_ends_at_the_end_of_the_log(store: Store) -> None:
    await store.commit(entry(b"0"))
    page = await store.log(REVOCATIONS, None)
    assert await store.log(REVOCATIONS, page.cursor, wait=0.05) == Page((), page.cursor, end=True, stamp=page.stamp)


async def test_a_doorbell_that_was_cut_off_rings_again(engine: Engine, store: Store) -> None:
    await store.commit(entry(b"0"))
    page = await store.log(REVOCATIONS, None)
    waiting = asyncio.create_task(rung(store, page))
    cut = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {listening(store)}"
    async with asyncio.timeout(PATIENCE / 2):
        while not await asyncio.to_thread(engine.run, cut):
            pass
    await store.commit(entry(b"1"))
    assert (await asyncio.wait_for(waiting, PATIENCE / 2)).entries == (b"1",)


async def test_a_doorbell_whose_other_end_has_died_without_a_word_rings_again(
    engine: Engine, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_bell, "STILL_THERE", 0.3)
    await store.commit(entry(b"0"))
    page = await store.log(REVOCATIONS, None)
    waiting = asyncio.create_task(rung(store, page))
    ends = f"SELECT pid FROM pg_stat_activity WHERE {listening(store)}"
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


def listening(store: Store) -> str:
    """What is true of a connection on which a doorbell hears, or asks whether it still would."""
    return f"datname = '{name_of(store)}' AND (query LIKE 'LISTEN%' OR query = 'SELECT 1')"


def name_of(store: Store) -> str:
    return str(vars(store)["_place"].url).rpartition("/")[2]


async def test_connections_that_are_cut_come_back_by_themselves(engine: Engine, store: Store) -> None:
    await store.commit(Insert(record()))
    engine.run(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name_of(store)}'")
    await answered(store)
    assert (await store.get(("thing", "a1")))[0] is not None


async def test_a_server_that_is_stopped_gives_no_answer_and_is_used_again_when_it_goes_on() -> None:
    with postgres() as engine:
        store = open_store(f"{engine.database()}?connect_timeout=1&statement_timeout=1")
        await store.open()
        await store.commit(Insert(record()))
        with engine.stopped():
            questions = (store.get(("thing", "a1")), store.commit(Insert(record("2"))), store.log(REVOCATIONS, None))
            answers = await asyncio.gather(*questions, return_exceptions=True)
            assert {type(answer) for answer in answers} == {StoreUnavailable}
        await answered(store)
        await store.close()


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
        await answered(store)
        await store.close()


async def test_a_server_that_was_killed_gives_no_answer_and_has_lost_nothing() -> None:
    with postgres() as engine:
        store = open_store(engine.database())
        await store.open()
        await store.commit(Insert(record()), entry())
        engine.kill()
        for question in (store.get(("thing", "a1")), store.commit(Insert(record("2"))), store.count("k", 60, 0)):
            with pytest.raises(StoreUnavailable):
                await question
        engine.start()
        await answered(store)
        assert (await store.get(("thing", "a1")))[0] is not None
        assert (await store.log(REVOCATIONS, None)).entries == (b"entry",)
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


async def test_more_questions_than_connections_wait_for_each_other(engine: Engine) -> None:
    store = open_store(f"{engine.database()}?connections=2")
    await store.open()
    await asyncio.gather(*(store.commit(Insert(record(str(number)))) for number in range(100)))
    await store.close()
