"""The store contract, part one: what is read is what was written, at one moment, once."""

from __future__ import annotations

import asyncio
import secrets
import threading
from dataclasses import replace

import pytest

from admit.core.ids import new_id
from admit.core.store import Cursor, Delete, Insert, Key, Record, Replace, Store, behind
from admit.errors import AdmitError, StoreError, StoreUnavailable
from admit.testing.contract import DAY, HOME, Contract, Make, entry, now, record, together, version, walk

_HOSTILE = (
    "'; DROP TABLE record; --",
    '"',
    "\\",
    "%",
    "_",
    "*",
    "\x00",
    "a\x00b",
    "\n\r\t",
    "{home}",
    "a:b.c,d",
    "ÄÖ",
    "ﬁ",
    "👩‍💻",
    "\u202e",
    "x" * 1_000,
)


class ReadContract(Contract):
    """Reading: exactness, snapshots, walks, tags, and what a closed store says."""

    async def test_what_was_written_comes_back_as_it_was(self, store: Store) -> None:
        kept = Record("thing", "a1", b'{"v":1}', (1 << 63) - 1, now() + 0.123456, frozenset({"a", "atag"}))
        await store.commit(Insert(kept))
        assert await store.get(kept.key) == [kept]

    async def test_records_come_in_the_order_of_the_keys(self, store: Store) -> None:
        one, two = record("1"), record("2")
        await store.commit(Insert(one), Insert(two))
        nothing = ("thing", "a3")
        assert await store.get(two.key, nothing, one.key, two.key) == [two, None, one, two]
        assert await store.get() == []

    @pytest.mark.parametrize("body", [b"", b"\x00", bytes(range(256)), b"\xff\xfe", secrets.token_bytes(1 << 16)])
    async def test_a_body_comes_back_byte_for_byte(self, store: Store, body: bytes) -> None:
        kept = record(body=body)
        await store.commit(Insert(kept), entry(body))
        assert await store.get(kept.key) == [kept]
        assert (await store.log("revocations", None)).entries == (body,)

    async def test_hostile_text_is_only_text(self, store: Store) -> None:
        kept = [Record(text, HOME + text, b"{}", version(), None, frozenset({HOME + text})) for text in _HOSTILE]
        await store.commit(*map(Insert, kept))
        assert await store.get(*(one.key for one in kept)) == kept
        for one in kept:
            found = await store.find(one.kind, one.id)
            assert found.records == (one,), "a tag found something that does not bear it"

    @pytest.mark.parametrize("place", ["kind", "id", "tag"])
    async def test_text_that_has_no_bytes_is_refused(self, store: Store, place: str) -> None:
        texts = {name: HOME + ("\ud800" if name == place else "") for name in ("kind", "id", "tag")}
        bad = Record(texts["kind"], texts["id"], b"{}", 1, None, frozenset({texts["tag"]}))
        good = record("good")
        with pytest.raises(StoreError):
            await store.commit(Insert(good), Insert(bad))
        assert await store.get(good.key) == [None]

    async def test_what_was_handed_out_does_not_change(self, store: Store) -> None:
        first = record(body=b"first")
        await store.commit(Insert(first))
        [held] = await store.get(first.key)
        first = replace(first)  # the store may hold the very object that was handed in
        await store.commit(Replace(record(body=b"second"), first.version))
        assert held == first
        await store.commit(Delete(*first.key))
        assert held == first

    async def test_what_was_committed_is_what_the_next_read_sees(self, store: Store) -> None:
        current = record(body=b"0")
        await store.commit(Insert(current))
        for number in range(1, 20):
            assert await store.get(current.key) == [current]
            was, current = current.version, record(body=b"%d" % number)
            await store.commit(Replace(current, was))

    async def test_expired_records_are_still_there(self, store: Store) -> None:
        kept = record(expires_at=now() - DAY / 2, tags="old")
        await store.commit(Insert(kept))
        assert await store.get(kept.key) == [kept], "whether a record is in time is not for the store to say"
        assert await walk(store, "old") == [kept.id]

    async def test_one_get_is_one_moment(self, store: Store) -> None:
        keys: list[Key] = [("thing", f"a{number}") for number in range(5)]
        versions = [version() for _ in keys]
        await store.commit(*(Insert(Record(*key, b"0", was)) for key, was in zip(keys, versions, strict=True)))
        looks, done = 0, False

        async def write() -> None:
            nonlocal versions, done
            number = 0
            while number < 30 or looks < 30:  # whoever looks may take longer to begin than this takes to be over
                number += 1
                new = [Record(*key, b"%d" % number, version()) for key in keys]
                await store.commit(*(Replace(one, was) for one, was in zip(new, versions, strict=True)))
                versions = [one.version for one in new]
                await asyncio.sleep(0)  # a store in memory may answer without letting others in
            done = True

        async def look() -> None:
            nonlocal looks
            while not done:
                bodies = {one and one.body for one in await store.get(*keys)}
                assert len(bodies) == 1, "a get saw a commit in parts"
                looks += 1
                await asyncio.sleep(0)

        await together(write(), look(), look())

    @pytest.mark.parametrize("limit", [1, 2, 3, 10, 11, 100])
    async def test_a_walk_meets_each_record_once(self, store: Store, limit: int) -> None:
        kept = [record(str(number), tags="t") for number in range(10)]
        await store.commit(*map(Insert, kept), Insert(record("other", tags="u")))
        assert sorted(await walk(store, "t", limit=limit)) == [one.id for one in kept]

    async def test_a_walk_over_nothing_is_over(self, store: Store) -> None:
        found = await store.find("thing", "anone")
        assert (found.records, found.after) == ((), None)

    async def test_what_is_there_during_a_walk_is_met_once_whatever_is_written(self, store: Store) -> None:
        stays = {f"{number:02}": record(f"{number:02}", tags="t") for number in range(0, 40, 2)}
        goes = [record(f"{number:02}", tags="t") for number in range(1, 40, 4)]
        await store.commit(*map(Insert, stays.values()), *map(Insert, goes))
        met: list[str] = []
        after: Cursor | None = None
        numbers = iter(range(3, 40, 4))
        while True:
            found = await store.find("thing", "at", after=after, limit=3)
            met += (one.id for one in found.records)
            after = found.after
            if after is None:
                break
            if (number := next(numbers, None)) is not None:
                await store.commit(Insert(record(f"{number:02}", tags="t")), Delete(*goes.pop().key))
                changed = stays[f"{number - 3:02}"]
                await store.commit(Replace(record(changed.id[1:], tags="t more"), changed.version))
        assert len(met) == len(set(met)), "a walk met a record twice"
        assert {HOME + name for name in stays} <= set(met), "a walk passed over a record that was there"

    @pytest.mark.parametrize("limit", [2, 100])
    async def test_ids_of_our_making_come_in_their_order_from_any_place(self, store: Store, limit: int) -> None:
        made = [new_id(HOME, moment, secrets.token_bytes) for moment in (3.0, 1.0, 2.0, 0.0, 4.0)]
        await store.commit(*(Insert(record(id[1:], tags="t")) for id in made))
        assert await walk(store, "t", limit=limit) == sorted(made)
        place = new_id(HOME, 1.5, secrets.token_bytes)
        assert await walk(store, "t", limit=limit, after=behind(place)) == [made[2], made[0], made[4]]

    async def test_tags_follow_their_record(self, store: Store) -> None:
        first = record(tags="one two")
        await store.commit(Insert(first))
        second = record(tags="two three")
        await store.commit(Replace(second, first.version))
        assert [await walk(store, tag) for tag in ("one", "two", "three")] == [[], ["a1"], ["a1"]]
        await store.commit(Delete(*second.key))
        assert [await walk(store, tag) for tag in ("one", "two", "three")] == [[], [], []]
        await store.commit(Insert(record()))
        assert await walk(store, "two") == [], "a tag outlived its record"

    async def test_the_tag_of_all_finds_those_that_bear_it(self, store: Store) -> None:
        """``<home>*``, which a store need not keep an index of: no record but those that bear it, as with any other."""
        borne = [record(str(n), tags="*" if n % 2 else "* other") for n in range(5)]
        unborne = [record("2x"), record("4x", tags="*x"), record("1", kind="another", tags="*")]
        await store.commit(*map(Insert, (*borne, *unborne)))
        after, met = None, list[Record]()
        while not met or after is not None:
            found = await store.find("thing", HOME + "*", after=after, limit=2)
            met, after = [*met, *found.records], found.after
        assert met == borne
        bare = replace(borne[0], tags=frozenset(), version=version())
        await store.commit(Replace(bare, borne[0].version), Delete(*borne[1].key))
        assert (await store.find("thing", HOME + "*")).records == tuple(borne[2:])
        await store.commit(Replace(replace(bare, tags=borne[0].tags, version=version()), bare.version))
        assert len((await store.find("thing", HOME + "*", after=behind(HOME))).records) == 4

    async def test_tags_match_exactly(self, store: Store) -> None:
        await store.commit(Insert(record(tags="tag")), Insert(record(tags="tag", kind="other")))
        for near in ("Tag", "ta", "tag ", "tag%", "ta_", "*", "tagg", ""):
            assert await walk(store, near) == [], f"{near!r} is another tag"
        assert [one.kind for one in (await store.find("thing", "atag")).records] == ["thing"]

    async def test_any_event_loop_may_ask(self, store: Store) -> None:
        kept = record(tags="t")
        answers: list[object] = []

        async def elsewhere() -> None:
            await store.commit(Insert(kept), entry())
            answers.extend(await store.get(kept.key))
            answers.append((await store.find("thing", "at")).records[0])
            answers.append((await store.log("revocations", None)).entries)

        thread = threading.Thread(target=lambda: asyncio.run(elsewhere()))
        thread.start()
        await asyncio.to_thread(thread.join)
        assert answers == [kept, kept, (b"entry",)]
        assert await store.get(kept.key) == [kept]

    async def test_it_says_how_far_behind_an_answer_may_be_which_is_not_at_all_where_no_network_lies_between(
        self, store: Store
    ) -> None:
        assert store.lag >= 0
        assert store.lag == 0 or store.tail is None

    async def test_what_spans_homes_is_refused_where_the_store_is_partitioned(self, store: Store) -> None:
        here, there = record(), Record("thing", "b1", b"{}", version())
        refused: list[str] = []
        try:
            await store.commit(Insert(here), Insert(there))
        except StoreError:
            refused.append("commit")
            await store.commit(Insert(here))
            await store.commit(Insert(there))
        try:
            assert await store.get(here.key, there.key) == [here, there]
        except StoreError:
            refused.append("get")
        assert refused == (["commit", "get"] if store.partitioned else [])
        assert [await store.get(here.key), await store.get(there.key)] == [[here], [there]]

    async def test_open_and_close_may_be_said_twice(self, make: Make) -> None:
        store = make()
        await store.close()
        await asyncio.gather(store.open(), store.open())
        await store.open()
        await store.commit(Insert(record()))
        await store.close()
        await store.close()

    async def test_a_store_that_is_not_open_gives_no_answer(self, make: Make) -> None:
        store = make()
        await _silent(store)
        await store.open()
        await store.commit(Insert(record()))
        await store.close()
        await _silent(store)


async def _silent(store: Store) -> None:
    asked = {
        "get": store.get(("thing", "a1")),
        "find": store.find("thing", "at"),
        "commit": store.commit(Insert(record("2"))),
        "log": store.log("revocations", None),
        "purge": store.purge(now()),
    }
    for verb, question in asked.items():
        try:
            answer: object = await question
        except AdmitError as error:
            answer = error
        assert isinstance(answer, StoreUnavailable), f"{verb} of a store that is not open says {answer!r}"
