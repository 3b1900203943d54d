"""A store behind a network: it keeps the contract, and what it says when its server fails, or is cut off, is none."""

from __future__ import annotations

import asyncio

import pytest

from admit.core.store import REVOCATIONS, Insert, Page, Store
from admit.errors import StoreUnavailable
from admit.stores import open_store
from admit.testing import StoreContract
from admit.testing.contract import Make, entry, record
from engines import Engine
from processes.runs import PATIENCE, answered


class TestNetworked(StoreContract):
    @pytest.fixture
    def make(self, engine: Engine) -> Make:
        return lambda: open_store(engine.database())


async def rung(store: Store, page: Page) -> Page:
    """What comes behind ``page``, for who waits for it; a doorbell may ring for nothing."""
    while not (news := await store.log(REVOCATIONS, page.cursor, wait=PATIENCE)).entries:
        pass
    return news


async def test_who_waits_for_news_has_them_when_they_are_committed(store: Store) -> None:
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


async def test_a_doorbell_that_was_cut_off_rings_again(engine: Engine) -> None:
    url = engine.database()
    store = open_store(url)
    await store.open()
    await store.commit(entry(b"0"))
    page = await store.log(REVOCATIONS, None)
    waiting = asyncio.create_task(rung(store, page))
    async with asyncio.timeout(PATIENCE / 2):
        while not await asyncio.to_thread(engine.hangs_up, url):
            pass
    await store.commit(entry(b"1"))
    assert (await asyncio.wait_for(waiting, PATIENCE / 2)).entries == (b"1",)
    await store.close()


async def test_more_questions_than_connections_wait_for_each_other(engine: Engine) -> None:
    store = open_store(f"{engine.database()}?connections=2")
    await store.open()
    await asyncio.gather(*(store.commit(Insert(record(str(number)))) for number in range(100)))
    await store.close()


async def test_a_server_that_was_killed_gives_no_answer_and_has_lost_nothing(own: Engine) -> None:
    store = open_store(own.database())
    await store.open()
    await store.commit(Insert(record()), entry())
    own.kill()
    for question in (store.get(("thing", "a1")), store.commit(Insert(record("2"))), store.count("k", 60, 0)):
        with pytest.raises(StoreUnavailable):
            await question
    own.start()
    await answered(lambda: store.get(("thing", "a1")))
    assert (await store.get(("thing", "a1")))[0] is not None
    assert (await store.log(REVOCATIONS, None)).entries == (b"entry",)
    await store.close()


async def test_a_server_that_is_stopped_gives_no_answer_and_is_used_again_when_it_goes_on(own: Engine) -> None:
    store = open_store(f"{own.database()}{own.IMPATIENT}")
    await store.open()
    await store.commit(Insert(record()))
    with own.stopped():
        questions = (store.get(("thing", "a1")), store.commit(Insert(record("2"))), store.log(REVOCATIONS, None))
        answers = await asyncio.gather(*questions, return_exceptions=True)
        assert {type(answer) for answer in answers} == {StoreUnavailable}
    await answered(lambda: store.get(("thing", "a1")))
    await store.close()
