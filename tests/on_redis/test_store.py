"""A store in Redis, where others do not stand as it does: in what it throws away, its memory, its replicas and its keys."""

from __future__ import annotations

import asyncio
import time

import pytest

from admit.core.store import REVOCATIONS, Append, Delete, Insert, Record, Replace, Store
from admit.errors import CursorLost, StoreUnavailable
from admit.stores import open_store
from admit.testing.contract import DAY, entry, now, record, walk, whole_log
from processes.runs import answered
from redises import Engine, eventually, pair, redis


async def test_redis_throws_away_what_expired_a_day_ago_and_nothing_else(engine: Engine, store: Store) -> None:
    end = now() + 60
    await store.commit(
        Insert(record("1", expires_at=end, tags="t")), Insert(record("2")), Insert(record("3", tags="t"))
    )
    database = str(vars(store)["_place"].db)

    def until(key: str) -> float:
        return int(engine.run("-n", database, "PEXPIRETIME", key)) / 1000

    assert until("{a}thing:1") == pytest.approx(end + DAY, abs=1)
    assert until("{a}thing:2") < 0
    assert until("{a}thing/t") < 0, "the index would be gone before a record that it names"
    [_, _, last] = await store.get(*(("thing", f"a{name}") for name in "123"))
    assert last is not None
    await store.commit(Replace(record("3", expires_at=end + 5, tags="u"), last.version))
    assert until("{a}thing/u") == pytest.approx(end + 5 + DAY, abs=1)


async def test_an_index_names_nobody_who_is_gone(engine: Engine, store: Store) -> None:
    old = [record(f"old{number}", expires_at=now() + 60, tags="t") for number in range(50)]
    await store.commit(*map(Insert, old))
    database = str(vars(store)["_place"].db)
    for one in old:  # as Redis does when the time has come
        engine.run("-n", database, "DEL", f"{{a}}thing:{one.id[1:]}")
    for number in range(100):
        await store.commit(Insert(record(f"new{number}", tags="t")))
    assert int(engine.run("-n", database, "ZCARD", "{a}thing/t")) < 130, "an index only ever grows"
    assert len(await walk(store, "t", limit=7)) == 100
    assert engine.run("-n", database, "ZCARD", "{a}thing/t") == "100"


async def test_a_script_that_redis_forgot_is_told_again(engine: Engine, store: Store) -> None:
    for _ in range(2):
        engine.run("SCRIPT", "FLUSH")
        await store.commit(entry())
        engine.run("SCRIPT", "FLUSH")
        assert await whole_log(store)


async def test_where_memory_is_full_nothing_begins_and_everything_can_be_ended() -> None:
    with redis() as engine:
        store = open_store(engine.url())
        await store.open()
        there = record("1", tags="t")
        await store.commit(Insert(there))
        engine.run("CONFIG", "SET", "maxmemory", "1")
        with pytest.raises(StoreUnavailable, match="OutOfMemory"):
            await store.commit(Insert(record("2")))
        assert await store.get(there.key) == [there]
        assert await walk(store, "t") == [there.id]
        await store.commit(Delete(*there.key), entry())
        assert await whole_log(store) == [b"entry"]
        engine.run("CONFIG", "SET", "maxmemory", "0")
        await store.commit(Insert(record("2")))
        await store.close()


async def test_a_server_with_no_room_for_another_connection_gives_no_answer() -> None:
    with redis(maxclients="10") as engine:
        stores = [open_store(engine.url()) for _ in range(12)]
        opened = await asyncio.gather(*(store.open() for store in stores), return_exceptions=True)
        assert {type(outcome) for outcome in opened} == {type(None), StoreUnavailable}
        late = stores[[type(outcome) for outcome in opened].index(StoreUnavailable)]
        for store in stores:
            await store.close()
        await answered(late.open)
        await late.commit(Insert(record()))
        await late.close()


async def test_stores_with_different_prefixes_share_a_database(engine: Engine) -> None:
    url = engine.database()
    one, other = (open_store(f"{url}?prefix={prefix}") for prefix in ("one:", "other:"))
    for store in (one, other):
        await store.open()
    await one.commit(Insert(record(tags="t")), entry())
    await one.count("k", 60, now())
    assert await other.get(("thing", "a1")) == [None]
    assert await walk(other, "t") == []
    assert await whole_log(other) == []
    assert await other.count("k", 60, now(), hits=0) == 0
    for store in (one, other):
        await store.close()


async def test_a_primary_that_is_cut_off_from_its_replica_says_nothing() -> None:
    with pair() as (primary, replica):
        store = open_store(primary.url())
        await store.open()
        there = record()
        await store.commit(Insert(there), entry())
        page = await store.log(REVOCATIONS, None)
        with replica.stopped():
            eventually(lambda: primary.says("replication")["min_slaves_good_slaves"] == "0")
            for question in (
                store.get(there.key),
                store.find("thing", "at"),
                store.log(REVOCATIONS, page.cursor),
                store.commit(Delete(*there.key)),
            ):
                with pytest.raises(StoreUnavailable, match="NOREPLICAS"):
                    await question
        await answered(lambda: store.get(there.key))
        assert await store.get(there.key) == [there]
        await store.close()


async def test_a_replica_that_took_over_without_the_last_entries_does_not_know_the_reader() -> None:
    with pair(min_replicas_to_write="0") as (primary, replica):
        store = open_store(primary.url())
        await store.open()
        await store.commit(entry(b"0"))
        known = await store.log(REVOCATIONS, None)
        eventually(
            lambda: (
                replica.says("replication")["slave_repl_offset"] == primary.says("replication")["master_repl_offset"]
            )
        )
        replica.run("REPLICAOF", "NO", "ONE")  # it was promoted, and what comes now is the tail that it never sees
        await store.commit(entry(b"1"))
        lost = await store.log(REVOCATIONS, known.cursor)
        primary.kill()
        after = open_store(replica.url())
        await after.open()
        assert (await after.log(REVOCATIONS, known.cursor)).entries == ()
        for entries in ([], [entry(b"another")], [entry(b"and another")]):
            await after.commit(*entries)
            with pytest.raises(CursorLost) as told:
                await after.log(REVOCATIONS, lost.cursor)
            assert not told.value.trimmed
        await store.close()
        await after.close()


async def test_who_wrote_what_a_failover_undid_misses_it_without_having_read_it() -> None:
    with pair(min_replicas_to_write="0") as (primary, replica):
        store = open_store(primary.url())
        await store.open()
        await store.commit(entry(b"0"))
        known = await store.log(REVOCATIONS, None)
        offset = primary.says("replication")["master_repl_offset"]
        eventually(lambda: int(replica.says("replication")["slave_repl_offset"]) >= int(offset))
        replica.run("REPLICAOF", "NO", "ONE")
        await store.commit(entry(b"1"))
        primary.kill()
        replica.moves_to(primary.port)
        for reader, cursor in ((store, known.cursor), (store, None), (store.again(), None)):
            await answered(reader.open)
            with pytest.raises(CursorLost) as told:
                await answered(lambda reader=reader, cursor=cursor: reader.log(REVOCATIONS, cursor))  # type: ignore[misc]
            assert not told.value.trimmed
        await reader.close()
        await store.close()


async def test_what_stays_for_good_does_not_keep_what_comes_after_it(store: Store) -> None:
    for number in range(3):
        await store.commit(
            entry(b"for good", expires_at=now() + 9e9), entry(b"%d" % number, expires_at=now() - 2 * DAY)
        )
    await store.commit(entry(b"last"))
    assert await store.purge(now()) == 3
    assert await whole_log(store) == [b"for good"] * 3 + [b"last"]


async def test_a_record_with_more_tags_or_longer_ones_than_is_usual_comes_back(store: Store) -> None:
    many = Record("thing", "a1", b"{}", 1, None, frozenset(f"a{number}" for number in range(60)))
    long = Record("thing", "a2", b"{}", 2, time.time(), frozenset({"a" + "x" * 300}))
    await store.commit(Insert(many), Insert(long), Append("audit", b"", now(), "a"))
    assert await store.get(many.key, long.key) == [many, long]
    assert await walk(store, "x" * 300) == ["a2"]
    await store.commit(Delete(*many.key))
    assert await walk(store, "59") == []
