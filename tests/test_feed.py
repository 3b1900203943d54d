"""The log for those who follow it: an answer says what had ended when its question arrived, and nobody reads twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from admit import system
from admit.core.address import NO_PROXIES
from admit.core.log import Copy
from admit.core.principal import Ends
from admit.core.store import READ_AT_MOST, Change, Cursor, Page, Store
from admit.errors import CursorLost, StoreUnavailable
from admit.feed import RECENT, Feed
from admit.ledger import Ledger
from admit.stores.stamp import Stamp
from admit.system import SystemClock
from admit.trail import Trail
from worlds import KINDS, Watched, World, made, world


@pytest.fixture(params=KINDS)
async def here(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    async with world(request.param, tmp_path) as found:
        yield found


async def end(here: World) -> str:
    session = (await here.sign_in()).session
    await here.auth.revoke(session)
    return session.id


async def all_of(feed: Feed, after: Cursor | None = None) -> Copy:
    """Everything behind a position, as a follower keeps it."""
    copy, clock = Copy(), SystemClock()
    copy.cursor = after
    while True:
        page = await feed.page(copy.cursor, 0)
        copy.take(page, clock.now(), clock.lease())
        if page.end:
            return copy


async def test_whoever_begins_gets_all_of_the_log(here: World) -> None:
    before = await end(here)
    feed = here.auth.feed()
    after = await end(here)
    assert {before, after} <= (await all_of(feed)).ended[Ends.SESSION]


async def test_what_ended_before_the_question_is_in_the_answer(here: World) -> None:
    feed = here.auth.feed()
    cursor = (await all_of(feed)).cursor
    for _ in range(20):
        session = await end(here)
        copy = await all_of(feed, cursor)
        assert copy.ended[Ends.SESSION] == {session}
        cursor = copy.cursor


async def test_a_question_waits_for_news_and_no_longer(here: World) -> None:
    feed = here.auth.feed()
    cursor = (await all_of(feed)).cursor
    nothing = await feed.page(cursor, 0.05)
    assert (nothing.entries, nothing.cursor, nothing.end) == ((), cursor, True)
    waiting = [asyncio.create_task(feed.page(cursor, 60)) for _ in range(20)]
    await asyncio.sleep(0)
    await end(here)
    pages = await asyncio.gather(*waiting)
    assert len({page.cursor for page in pages}) == 1
    assert all(page.entries and page.end for page in pages)
    assert feed._listening is None


async def test_who_goes_away_while_he_waits_keeps_nobody_waiting(here: World) -> None:
    feed = here.auth.feed()
    cursor = (await all_of(feed)).cursor
    gone, stays = [asyncio.create_task(feed.page(cursor, 60)) for _ in range(2)]
    await asyncio.sleep(0.01)
    gone.cancel()
    await end(here)
    assert (await stays).entries
    assert gone.cancelled()
    assert feed._listening is None


async def test_who_waits_is_woken_when_somebody_else_read_the_news_first(
    here: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("admit.feed.LOOK_EVERY", 3_600.0)
    feed = here.auth.feed()
    cursor = (await all_of(feed)).cursor
    waiting = asyncio.create_task(feed.page(cursor, 3_600))
    while not feed._waiting:  # noqa: ASYNC110 - who waits tells nobody
        await asyncio.sleep(0)
    await end(here)
    await all_of(feed, cursor)
    assert (await asyncio.wait_for(waiting, 60)).entries


async def test_a_commit_that_is_under_way_wakes_nobody(tmp_path: Path) -> None:
    """The log moves a moment before there is something to read; a thousand who looked in vain would delay what comes."""
    async with world("sqlite", tmp_path) as here:
        feed = here.auth.feed()
        cursor = (await all_of(feed)).cursor
        waiting = [asyncio.create_task(feed.page(cursor, 3_600)) for _ in range(3)]
        while len(feed._waiting) < len(waiting):  # noqa: ASYNC110 - who waits tells nobody
            await asyncio.sleep(0)
        bells = frozenset(feed._waiting)
        here.store.asked.clear()
        stamp = Stamp(tmp_path / "admit.db-stamp")
        stamp.open(b"")
        stamp.head = b"to come."
        while here.store.asked["log"] < 3:  # noqa: ASYNC110 - nor who looks
            await asyncio.sleep(0)
        assert feed._waiting == bells
        await end(here)
        assert all(page.entries for page in await asyncio.gather(*waiting))
        stamp.close()


async def test_what_is_wrong_is_told_to_those_who_wait(here: World) -> None:
    feed = here.auth.feed()
    cursor = (await all_of(feed)).cursor
    waiting = asyncio.create_task(feed.page(cursor, 3_600))
    while not feed._waiting:  # noqa: ASYNC110 - who waits tells nobody
        await asyncio.sleep(0)

    async def down() -> None:
        raise StoreUnavailable("down")

    here.store.before["log"] = down
    await end(here)
    with pytest.raises(StoreUnavailable):
        await asyncio.wait_for(waiting, 60)


async def test_all_who_wait_are_served_by_one_read(here: World) -> None:
    feed = here.auth.feed()
    cursor = (await all_of(feed)).cursor
    waiting = [asyncio.create_task(feed.page(cursor, 60)) for _ in range(50)]
    await asyncio.sleep(0)
    here.store.asked.clear()
    await end(here)
    await asyncio.gather(*waiting)
    assert here.store.asked["log"] <= 3


async def test_nobody_reads_the_store_while_nothing_happens(here: World) -> None:
    feed = here.auth.feed()
    cursor = (await all_of(feed)).cursor
    here.store.asked.clear()
    for _ in range(100):
        assert (await feed.page(cursor, 0)).end
    assert not here.store.asked


async def test_a_position_that_nobody_gave_is_lost(here: World) -> None:
    feed = here.auth.feed()
    with pytest.raises(CursorLost):
        await feed.page(Cursor("somewhere else"), 0)


async def test_whoever_is_far_behind_reads_the_store_and_catches_up(here: World) -> None:
    feed = here.auth.feed()
    cursor = (await all_of(feed)).cursor
    ledger = here.auth._ledger
    ids = [f"0session-{number}" for number in range(RECENT + 2 * READ_AT_MOST)]
    for begin in range(0, len(ids), 500):
        await ledger.commit(*(ledger.ended(Ends.SESSION, id) for id in ids[begin : begin + 500]))
        await feed.page(None, 0)
    assert sum(len(page.entries) for _, page in feed._pages) < RECENT + READ_AT_MOST
    assert len(feed._places) == len(feed._pages)
    assert set(ids) <= (await all_of(feed, cursor)).ended[Ends.SESSION]
    late = feed._pages[-3][0]
    assert (await all_of(feed, late)).ended[Ends.SESSION] == set(ids[-1_500:])


async def test_a_store_that_is_down_gives_no_answer_and_the_next_question_gets_one(here: World) -> None:
    feed = here.auth.feed()
    cursor = (await all_of(feed)).cursor

    async def down() -> None:
        raise StoreUnavailable("down")

    await end(here)
    here.store.before["log"] = down
    with pytest.raises(StoreUnavailable):
        await feed.page(cursor, 0)
    del here.store.before["log"]
    assert (await feed.page(cursor, 0)).entries


async def test_who_asks_while_a_read_is_under_way_gets_what_ended_meanwhile(here: World) -> None:
    """The read that is under way may have begun before the end; only the next one proves that it is known."""
    feed = here.auth.feed()
    cursor = (await all_of(feed)).cursor
    await end(here)
    reading, go_on = asyncio.Event(), asyncio.Event()

    async def slow() -> None:
        del here.store.after["log"]
        reading.set()
        await go_on.wait()

    here.store.after["log"] = slow
    first = asyncio.create_task(feed.page(cursor, 0))
    await reading.wait()
    session = await end(here)
    second = asyncio.create_task(all_of(feed, cursor))
    await asyncio.sleep(0)
    go_on.set()
    await first
    assert session in (await second).ended[Ends.SESSION]


class Networked(Watched):
    """A store that has no tail and rings for each commit, as those behind a network do."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.rings = asyncio.Event()

    @property
    def tail(self) -> None:
        return None

    async def commit(self, *changes: Change) -> None:
        await super().commit(*changes)
        self.rings.set()

    async def log(self, topic: str, after: Cursor | None, *, limit: int = 1_000, wait: float = 0.0) -> Page:
        self.rings.clear()
        page = await super().log(topic, after, limit=limit)
        if wait and not page.entries:
            await asyncio.wait_for(self.rings.wait(), wait)
        return page


@pytest.fixture
async def ledger() -> Ledger:
    """Of a store behind a network."""

    async def ready() -> None: ...

    def lost(reason: str) -> None:
        raise AssertionError(reason)

    store = Networked(made("memory"))
    await store.open()
    clock = SystemClock()
    trail = Trail(clock, system.chance, NO_PROXIES, days=0)
    return Ledger(store, Copy(), clock, system.chance, trail, ready, lost)


async def test_behind_a_network_nothing_is_read_for_who_waits_before_there_is_news(ledger: Ledger) -> None:
    feed = Feed(ledger)
    cursor = (await feed.page(None, 0)).cursor
    waiting = [asyncio.create_task(feed.page(cursor, 60)) for _ in range(50)]
    store = ledger.store
    assert isinstance(store, Networked)
    while len(feed._waiting) < 50 or store.asked["log"] < 2:  # noqa: ASYNC110 - who waits tells nobody
        await asyncio.sleep(0.001)
    store.asked.clear()
    await ledger.commit(ledger.ended(Ends.SESSION, "0session"))
    assert all(page.entries for page in await asyncio.gather(*waiting))
    assert store.asked["log"] == 1


async def test_behind_a_network_news_of_a_read_that_began_before_the_question_does_not_answer_it(
    ledger: Ledger,
) -> None:
    feed, store = Feed(ledger), ledger.store
    assert isinstance(store, Networked)
    await ledger.commit(ledger.ended(Ends.SESSION, "0before"))
    cursor = (await feed.page(None, 0)).cursor
    await ledger.commit(ledger.ended(Ends.SESSION, "0one"))
    asking: list[asyncio.Task[Page]] = []

    async def meanwhile() -> None:
        """Somebody else is ended, and somebody asks, before the read that found the first has come back."""
        del store.after["log"]
        await ledger.commit(ledger.ended(Ends.SESSION, "0other"))
        asking.append(asyncio.create_task(feed.page(cursor, 60)))
        while not feed._waiting:  # noqa: ASYNC110 - who waits tells nobody
            await asyncio.sleep(0)

    store.after["log"] = meanwhile
    await feed.page(cursor, 0)
    page = await asyncio.wait_for(asking[0], 60)
    assert (len(page.entries), page.end) == (2, True)
