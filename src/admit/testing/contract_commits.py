"""The store contract, part two: a commit happens once and as a whole, or not at all.

Conflict means nothing by itself: it is for the caller to read again and decide again, never for the store.
"""

from __future__ import annotations

import asyncio

import pytest

from admit.core.store import PURGE_AT_MOST, Append, Change, Check, Delete, Insert, Record, Replace, Store
from admit.errors import Conflict, StoreError
from admit.testing.contract import DAY, Contract, entry, now, record, together, version, walk, whole_log


class CommitContract(Contract):
    """Writing: conflicts, atomicity, versions, races, purge."""

    async def test_an_insert_conflicts_when_its_key_is_taken(self, store: Store) -> None:
        first = record(body=b"first", tags="t")
        await store.commit(Insert(first))
        with pytest.raises(Conflict):
            await store.commit(Insert(record(body=b"second")))
        with pytest.raises(Conflict):
            await store.commit(Insert(first))
        assert await store.get(first.key) == [first]
        assert await walk(store, "t") == [first.id]

    @pytest.mark.parametrize("verb", ["replace", "delete", "check"])
    async def test_a_condition_conflicts_unless_that_version_is_there(self, store: Store, verb: str) -> None:
        first, second = record(body=b"first"), record(body=b"second")
        with pytest.raises(Conflict):
            await store.commit(_on(verb, first.version))
        await store.commit(Insert(first))
        with pytest.raises(Conflict):
            await store.commit(_on(verb, second.version))
        await store.commit(Replace(second, first.version))
        with pytest.raises(Conflict):
            await store.commit(_on(verb, first.version))
        assert await store.get(second.key) == [second]
        await store.commit(_on(verb, second.version))

    @pytest.mark.parametrize("verb", ["replace", "delete", "check"])
    async def test_a_version_does_not_return_with_its_key(self, store: Store, verb: str) -> None:
        first = record(body=b"same")
        await store.commit(Insert(first))
        await store.commit(Delete(*first.key))
        second = record(body=b"same")
        await store.commit(Insert(second))
        assert await store.get(second.key) == [second]
        with pytest.raises(Conflict):
            await store.commit(_on(verb, first.version))

    async def test_a_check_changes_nothing(self, store: Store) -> None:
        kept, other = record(tags="t"), record("2")
        await store.commit(Insert(kept))
        await store.commit(Check(*kept.key, kept.version))
        await store.commit(Check(*kept.key, kept.version), Insert(other))
        assert await store.get(kept.key, other.key) == [kept, other]
        assert await walk(store, "t") == [kept.id]

    async def test_a_delete_of_what_is_gone_is_no_matter(self, store: Store) -> None:
        other = record("2")
        await store.commit(Delete("thing", "a1"), Insert(other))
        assert await store.get(other.key) == [other]

    async def test_a_delete_takes_it_away(self, store: Store) -> None:
        one, two = record("1"), record("2")
        await store.commit(Insert(one), Insert(two))
        await store.commit(Delete(*one.key), Delete(*two.key, two.version))
        assert await store.get(one.key, two.key) == [None, None]
        await store.commit(Insert(one))
        assert await store.get(one.key) == [one]

    @pytest.mark.parametrize("place", range(5))
    @pytest.mark.parametrize("verb", ["insert", "replace", "delete", "check"])
    async def test_one_failing_change_undoes_all(self, store: Store, verb: str, place: int) -> None:
        taken, goes, changes = record("1"), record("goes", tags="t"), record("changes", tags="u")
        await store.commit(Insert(taken), Insert(goes), Insert(changes))
        commit: list[Change] = [
            Insert(record("new", tags="new")),
            Delete(*goes.key),
            Replace(record("changes", b"changed", tags="w"), changes.version),
            entry(),
        ]
        commit.insert(place, Insert(record("1")) if verb == "insert" else _on(verb, taken.version ^ 1))
        with pytest.raises(Conflict):
            await store.commit(*commit)
        now_there = await store.get(taken.key, goes.key, changes.key, ("thing", "anew"))
        assert now_there == [taken, goes, changes, None], "a commit that failed left something behind"
        assert [await walk(store, tag) for tag in ("t", "u", "w", "new")] == [[goes.id], [changes.id], [], []]
        assert await whole_log(store) == [], "a commit that failed is in the log"

    async def test_a_commit_names_a_key_once(self, store: Store) -> None:
        kept = record()
        await store.commit(Insert(kept))
        with pytest.raises(StoreError) as refused:
            await store.commit(entry(), Delete(*kept.key), Insert(record()))
        assert not isinstance(refused.value, Conflict), "trying again would never help"
        assert await store.get(kept.key) == [kept]
        assert await whole_log(store) == []

    @pytest.mark.parametrize(
        "change",
        [
            Insert(Record("thing", "", b"{}", 1)),
            Delete("thing", ""),
            Insert(Record("thing", "a1", b"{}", 1, None, frozenset({"btag"}))),
            Insert(Record("thing", "a1", b"{}", 1, None, frozenset({""}))),
            Insert(Record("thing", "a1", b"{}", 1 << 63)),
            Insert(Record("thing", "a1", b"{}", -1)),
            Append("revocations", b"entry", 1e12, ""),
            Append("revocations", b"entry", 1e12, "*"),
        ],
        ids=["no id", "none to delete", "tag of another home", "empty tag", "long", "negative", "no home", "what home"],
    )
    async def test_what_no_store_can_keep_is_refused(self, store: Store, change: Change) -> None:
        other = record("other")
        with pytest.raises(StoreError) as refused:
            await store.commit(Insert(other), change)
        assert not isinstance(refused.value, Conflict), "trying again would never help"
        assert await store.get(other.key, ("thing", "a1")) == [None, None]
        assert await whole_log(store) == []

    async def test_thirty_takers_have_one_winner(self, store: Store) -> None:
        prize = record()
        await store.commit(Insert(prize))

        async def take(number: int) -> bool:
            trophy = record(f"trophy{number}", tags="trophy")
            return await _won(store, Delete(*prize.key, prize.version), Insert(trophy), entry())

        assert sum(await together(*map(take, range(30)))) == 1
        assert len(await walk(store, "trophy")) == 1
        assert len(await whole_log(store)) == 1

    async def test_thirty_makers_have_one_winner(self, store: Store) -> None:
        made = [record(body=b"%d" % number) for number in range(30)]
        won = await together(*(_won(store, Insert(one)) for one in made))
        assert sum(won) == 1
        assert await store.get(made[0].key) == [made[won.index(True)]]

    async def test_no_update_is_lost(self, store: Store) -> None:
        await store.commit(Insert(record(body=b"0")))

        async def add() -> None:
            for _ in range(5):
                while True:
                    [was] = await store.get(("thing", "a1"))
                    assert was is not None
                    if await _won(store, Replace(record(body=b"%d" % (int(was.body) + 1)), was.version)):
                        break

        await together(*(add() for _ in range(6)))
        [end] = await store.get(("thing", "a1"))
        assert end is not None
        assert end.body == b"30"

    async def test_opposite_orders_do_not_block_each_other(self, store: Store) -> None:
        names = ["1", "2", "3"]
        await store.commit(*(Insert(record(name, b"0")) for name in names))

        async def add(order: list[str]) -> int:
            done = 0
            for _ in range(10):
                there = await store.get(*(("thing", f"a{name}") for name in order))
                new = [Replace(record(was.id[1:], b"%d" % (int(was.body) + 1)), was.version) for was in there if was]
                done += await _won(store, *new)
            return done

        orders = [names, names[::-1], ["2", "1", "3"], ["3", "1", "2"]]
        done = sum(await together(*map(add, orders)))
        assert done > 0
        assert {one and int(one.body) for one in await store.get(*(("thing", f"a{name}") for name in names))} == {done}

    async def test_who_stops_waiting_disturbs_nobody(self, store: Store) -> None:
        def begin(name: str, number: int) -> asyncio.Task[None]:
            return asyncio.create_task(store.commit(Insert(record(f"{name}{number}", tags=name)), entry()))

        pairs = [(begin("x", number), begin("y", number)) for number in range(10)]
        await asyncio.sleep(0)  # all of them have asked
        for impatient, _ in pairs:
            impatient.cancel()
        await asyncio.wait_for(asyncio.gather(*(patient for _, patient in pairs)), 20)
        await asyncio.gather(*(impatient for impatient, _ in pairs), return_exceptions=True)
        last = record("z")
        await store.commit(Insert(last))
        assert await store.get(last.key) == [last]
        done = len(await walk(store, "x"))
        assert len(await whole_log(store)) == done + 10, "half of a commit was kept"

    async def test_purge_takes_what_expired_more_than_a_day_ago(self, store: Store) -> None:
        late = record("late", expires_at=now() - DAY - 10, tags="t")
        slack = record("slack", expires_at=now() - DAY + 60, tags="t")
        live = record("live", expires_at=now() + 60, tags="t")
        kept = record("kept", tags="t")
        await store.commit(*map(Insert, (late, slack, live, kept)))
        assert await store.purge(now()) == 1
        assert await store.get(late.key, slack.key, live.key, kept.key) == [None, slack, live, kept]
        assert sorted(await walk(store, "t")) == sorted(one.id for one in (slack, live, kept))
        assert await store.purge(now()) == 0

    async def test_purge_takes_no_more_than_a_thousand(self, store: Store) -> None:
        more = PURGE_AT_MOST + 5
        old = [record(f"{number:04}", expires_at=now() - 2 * DAY, tags="t") for number in range(more)]
        lines = [entry(b"%d" % number, expires_at=now() - 2 * DAY) for number in range(3)]
        await store.commit(*map(Insert, old), *lines)
        assert await store.purge(now()) == PURGE_AT_MOST
        assert len(await walk(store, "t", limit=1000)) + len(await whole_log(store)) == more + 3 - PURGE_AT_MOST
        assert await store.purge(now()) == more + 2 - PURGE_AT_MOST
        assert await walk(store, "t") == []
        assert await whole_log(store) == [b"2"]


def _on(verb: str, was: int) -> Change:
    """A change of the thing ``a1`` that asks for a version."""
    match verb:
        case "replace":
            return Replace(Record("thing", "a1", b"replaced", version()), was)
        case "delete":
            return Delete("thing", "a1", was)
        case _:
            return Check("thing", "a1", was)


async def _won(store: Store, *changes: Change) -> bool:
    try:
        await store.commit(*changes)
    except Conflict:
        return False
    return True
