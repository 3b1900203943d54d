"""What is kept of all sessions of somebody lies in the index of their ids, and is a record like any other."""

from __future__ import annotations

from dataclasses import replace

import pytest

from admit import Authority
from admit.core.ids import anchor, new_id
from admit.core.store import Append, Change, Check, Delete, Insert, Record, Replace, Store
from admit.errors import Conflict, StoreError
from admit.places import PLACES, Places
from admit.stores import redis_records
from admit.system import chance
from admit.testing.contract import now
from redises import Engine

NAMES = ["ann", "q" * 22, "a#", "a/b", "a:b", "{a}", "ä" * 64]


def place(subject: str, version: int, until: float | None) -> Record:
    return Record(*Places.key(subject), b'{"v":1,"n":%d}' % version, version, until)


def session(subject: str, until: float | None) -> Record:
    tag = anchor(subject)
    return Record("session", new_id(tag[0], now(), chance), b"{}", 7, until, frozenset({tag}))


def database(store: Store) -> str:
    return str(vars(store)["_place"].db)


@pytest.mark.parametrize("subject", NAMES)
async def test_it_is_made_changed_and_removed_beside_those_who_are_named(store: Store, subject: str) -> None:
    one, two = (place(subject, version, now() + 60) for version in (1, 2))
    others = [session(subject, now() + 60) for _ in range(3)]
    entry = Append("revocations", b"1", now() + 60, anchor(subject)[0])
    await store.commit(Insert(one), Insert(others[0]), entry)

    async def refused(*changes: Change) -> None:
        with pytest.raises(Conflict):
            await store.commit(Insert(others[1]), *changes)

    await refused(Insert(two))
    await refused(Replace(two, 2))
    await refused(Check(*one.key, 2))
    await refused(Delete(*one.key, 2))
    assert await store.get(one.key, others[0].key, others[1].key) == [one, others[0], None]
    await store.commit(Replace(two, 1), Insert(others[1]))
    await store.commit(Check(*one.key, 2), Insert(others[2]))
    assert await store.get(one.key) == [two]
    found = await store.find("session", anchor(subject), limit=2)
    rest = await store.find("session", anchor(subject), after=found.after)
    assert sorted((*found.records, *rest.records), key=lambda record: record.id) == sorted(others, key=lambda r: r.id)
    await store.commit(*(Delete(*other.key) for other in others))
    assert await store.get(one.key) == [two]
    await store.commit(Delete(*one.key, 2))
    assert await store.get(one.key) == [None]
    await refused(Replace(two, 2))


@pytest.mark.parametrize("subject", NAMES)
async def test_it_comes_with_everything_that_is_read_out_and_counters_do_not(store: Store, subject: str) -> None:
    kept = place(subject, 1, now() + 60), session(subject, now() + 60)
    await store.commit(*map(Insert, kept))
    await store.count(f"a/{subject}", 60, now())
    assert {change.record for change in [one async for one in store.dump()] if isinstance(change, Insert)} == {*kept}


async def test_it_goes_with_the_last_who_is_named_and_not_before(engine: Engine, store: Store) -> None:
    key, begin = redis_records.record_key("", Places.key("ann")), now()

    def until() -> float:
        return int(engine.run("-n", database(store), "PEXPIRETIME", key.decode())) / 1000

    await store.commit(Insert(place("ann", 1, begin + 60)), Insert(session("ann", begin + 60)))
    assert until() == pytest.approx(begin + 60 + 86_400, abs=1)
    await store.commit(Replace(place("ann", 2, begin + 600), 1))
    assert until() == pytest.approx(begin + 600 + 86_400, abs=1)
    await store.commit(Replace(place("ann", 3, begin + 60), 2))
    assert until() == pytest.approx(begin + 600 + 86_400, abs=1)
    await store.commit(Replace(place("ann", 4, None), 3))
    assert until() < 0


async def test_one_that_is_long_over_is_there_until_it_is_replaced(store: Store) -> None:
    old, new = place("ann", 1, now() - 1e7), place("ann", 2, now() + 60)
    await store.commit(Insert(old))
    assert await store.get(old.key) == [old]
    await store.commit(Replace(new, 1))
    await store.purge(now())
    assert await store.get(old.key) == [new]


async def test_it_bears_no_tags(store: Store) -> None:
    with pytest.raises(StoreError, match="0 can be kept"):
        await store.commit(Insert(replace(place("ann", 1, None), tags=frozenset({anchor("ann")}))))


async def test_a_sign_in_takes_one_key_and_the_first_of_somebody_two(engine: Engine, store: Store) -> None:
    def keys() -> int:
        return int(engine.run("-n", database(store), "DBSIZE"))

    async with Authority(store, issuer="https://auth.example", secret=bytes(32), audit_days=0) as auth:
        proof = (await auth.subjects.before("ann")).proven("pwd")
        before, taken = keys(), []
        for _ in range(3):
            await auth.sessions.start(proof)
            taken.append(keys() - before)
        assert taken == [2, 3, 4]
        [record] = await store.get(Places.key("ann"))
        assert record is not None
        assert PLACES.decode(record).n == len(await auth.sessions.of("ann")) == 3
