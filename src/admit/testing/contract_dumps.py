"""The store contract, part six: a dump is all there is, at one moment, and enough to make the store again."""

from __future__ import annotations

from contextlib import aclosing

import pytest

from admit.core.store import Append, Insert, Record, Replace, Store
from admit.errors import StoreError, StoreUnavailable
from admit.testing.contract import DAY, HOME, Contract, Make, entry, now, record, version, walk, whole_log

_LATER = 5
"""Commits while a dump is read."""


async def dumped(store: Store) -> tuple[dict[Record, None], list[Append]]:
    """All that a store has, its records in the order in which they came."""
    records: dict[Record, None] = {}
    entries: list[Append] = []
    async for change in store.dump():
        if isinstance(change, Insert):
            assert not entries, "a record after an entry"
            records[change.record] = None
        else:
            entries.append(change)
    return records, entries


class DumpContract(Contract):
    """Dumps: everything, once, at one moment."""

    async def test_nothing_is_all_there_is_in_an_empty_store(self, store: Store) -> None:
        assert await dumped(store) == ({}, [])

    async def test_a_dump_has_everything_as_it_was_written(self, store: Store) -> None:
        kept = [
            record("1", tags="one two"),
            record("2", bytes(range(256)), expires_at=now() - DAY / 2),
            record("3", kind="other", expires_at=now() + 0.123456),
            Record("th\\ing\0", HOME + "\0’", b"", (1 << 63) - 1, None, frozenset({HOME + "\\"})),
        ]
        told = [entry(b"1"), entry(b"2", topic="audit"), entry(b"\x00\xff", expires_at=now() - DAY / 2), entry(b"4")]
        await store.commit(*map(Insert, kept))
        for one in told:
            await store.commit(one)
        await store.count("hits", 60, now())
        records, entries = await dumped(store)
        assert set(records) == set(kept)
        for topic in ("revocations", "audit"):
            found = [(one.topic, one.entry, one.expires_at) for one in entries if one.topic == topic]
            assert found == [(one.topic, one.entry, one.expires_at) for one in told if one.topic == topic]
        assert len(entries) == len(told)

    async def test_a_store_made_of_a_dump_has_the_same(self, make: Make, store: Store) -> None:
        many = [record(f"{number:04}", tags="t u") for number in range(1_500)]
        for start in range(0, len(many), 500):
            await store.commit(*map(Insert, many[start : start + 500]), entry(b"%d" % start))
        made = make()
        await made.open()
        records, entries = await dumped(store)
        assert len(records) == len(many)
        # In the home of what the contract writes: only a partitioned store knows it, and needs it.
        entries = [Append(one.topic, one.entry, one.expires_at, HOME) for one in entries]
        for start in range(0, len(many), 500):
            await made.commit(*map(Insert, list(records)[start : start + 500]))
        await made.commit(*entries)
        assert set((await dumped(made))[0]) == set(many)
        assert sorted(await walk(made, "u")) == [one.id for one in many]
        assert await whole_log(made) == await whole_log(store) == [b"0", b"500", b"1000"]
        await made.close()

    async def test_a_dump_is_of_one_moment_or_says_that_it_is_not(self, store: Store) -> None:
        first, last = record("0", b"0"), record("9", b"0")
        await store.commit(Insert(first), Insert(last), *(Insert(record(f"5{n}")) for n in range(9)), entry(b"0"))
        bodies: dict[str, bytes] = {}
        told: list[bytes] = []
        number = 0
        try:
            async with aclosing(store.dump()) as dump:
                async for change in dump:
                    if isinstance(change, Insert):
                        bodies[change.record.id] = change.record.body
                    else:
                        told.append(change.entry)
                    if number < _LATER:
                        number += 1
                        new = [Record(one.kind, one.id, b"%d" % number, version()) for one in (first, last)]
                        await store.commit(
                            Replace(new[0], first.version), Replace(new[1], last.version), entry(new[0].body)
                        )
                        first, last = new
        except StoreError:
            # It cannot hold a moment still, and says so. When nobody writes, it can.
            records, entries = await dumped(store)
            bodies = {one.id: one.body for one in records}
            told = [one.entry for one in entries]
        assert bodies[first.id] == bodies[last.id] == told[-1], "a dump has a commit in parts"
        assert told == [b"%d" % n for n in range(len(told))]

    async def test_who_leaves_a_dump_leaves_nothing_behind(self, store: Store) -> None:
        await store.commit(*(Insert(record(f"{n}")) for n in range(10)))
        async with aclosing(store.dump()) as dump:
            async for _ in dump:
                break
        await store.commit(Insert(record("x")), entry())
        assert len((await dumped(store))[0]) == 11

    async def test_a_store_that_is_not_open_has_no_dump(self, make: Make) -> None:
        with pytest.raises(StoreUnavailable):
            await dumped(make())
