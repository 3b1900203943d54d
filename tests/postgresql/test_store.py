"""A store in PostgreSQL: it keeps the contract, and what it says when its server fails, is another, or is none."""

from __future__ import annotations

import asyncio
import time

import pytest

from admit.core.store import REVOCATIONS, Insert, Page, Store
from admit.errors import StoreUnavailable
from admit.stores import open_store
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
    listening = f"datname = '{name_of(store)}' AND query LIKE 'LISTEN%'"
    cut = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {listening}"
    async with asyncio.timeout(PATIENCE / 2):
        while not await asyncio.to_thread(engine.run, cut):
            pass
    await store.commit(entry(b"1"))
    assert (await asyncio.wait_for(waiting, PATIENCE / 2)).entries == (b"1",)


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
        with engine.stopped(), pytest.raises(StoreUnavailable):
            await store.get(("thing", "a1"))
        await answered(store)
        await store.close()


async def test_however_many_ask_nobody_waits_for_the_others_longer_than_for_an_answer() -> None:
    with postgres() as engine:
        store = open_store(f"{engine.database()}?connect_timeout=1&statement_timeout=1")
        await store.open()
        with engine.stopped():
            began = time.monotonic()
            answers = await asyncio.gather(*(store.get(("thing", "a1")) for _ in range(20_000)), return_exceptions=True)
            # One after the other, the questions in which they go together would take more than a minute.
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


async def test_more_questions_than_connections_wait_for_each_other(engine: Engine) -> None:
    store = open_store(f"{engine.database()}?connections=2")
    await store.open()
    await asyncio.gather(*(store.commit(Insert(record(str(number)))) for number in range(100)))
    await store.close()
