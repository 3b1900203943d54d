"""The store contract, part four: the end of an embedded store's log, seen without waiting.

A store with a network before it has no tail, and nothing to promise here.
"""

from __future__ import annotations

import asyncio

import pytest

from admit.core.store import REVOCATIONS, Insert, Store
from admit.errors import Conflict, CursorLost, StoreUnavailable
from admit.system import SystemClock
from admit.testing.contract import Contract, Make, entry, record, together


class TailContract(Contract):
    """Tails: the stamp, the read, and any thread."""

    async def test_the_tail_reads_what_the_log_says(self, store: Store) -> None:
        if store.tail is None:
            return
        assert store.tail.read(None) == await store.log(REVOCATIONS, None)
        for number in range(5):
            await store.commit(entry(b"%d" % number))
            first = await store.log(REVOCATIONS, None, limit=2)
            assert store.tail.read(None) == await store.log(REVOCATIONS, None)
            assert store.tail.read(first.cursor) == await store.log(REVOCATIONS, first.cursor)
        store.tail.check()

    async def test_an_entry_that_was_not_read_moves_the_stamp(self, store: Store) -> None:
        if store.tail is None:
            return
        seen = b""
        for _ in range(20):
            await store.commit(Insert(record(str(_))), entry())
            assert store.tail.moved(seen), "an entry that was acknowledged did not show"
            page = store.tail.read(None)
            assert not store.tail.moved(page.stamp), "the stamp moves though all is read"
            seen = page.stamp

    async def test_what_is_no_entry_does_not_move_the_stamp(self, store: Store) -> None:
        if store.tail is None:
            return
        kept = record()
        await store.commit(Insert(kept), entry())
        stamp = store.tail.read(None).stamp
        await store.commit(Insert(record("2")), entry(topic="audit"))
        with pytest.raises(Conflict):
            await store.commit(entry(), Insert(kept))
        assert not store.tail.moved(stamp)

    async def test_a_reader_that_is_behind_is_told_so(self, store: Store) -> None:
        if store.tail is None:
            return
        await store.commit(*(entry(b"%d" % number) for number in range(1_001)))
        first = store.tail.read(None)
        assert (len(first.entries), first.end) == (1_000, False)
        assert store.tail.moved(first.stamp), "the stamp says that all was read"
        second = store.tail.read(first.cursor)
        assert (second.entries, second.end) == ((b"1000",), True)
        assert not store.tail.moved(second.stamp)

    async def test_the_tail_loses_the_position_of_another_history(self, store: Store, make: Make) -> None:
        if store.tail is None:
            return
        other = make()
        await other.open()
        await store.commit(entry())
        await other.commit(entry())
        with pytest.raises(CursorLost):
            store.tail.read((await other.log(REVOCATIONS, None)).cursor)
        await other.close()

    async def test_threads_read_while_the_log_grows(self, store: Store) -> None:
        tail = store.tail
        if tail is None:
            return
        total = 15

        def follow() -> list[bytes]:
            read: list[bytes] = []
            cursor, stamp = None, b""
            until = SystemClock().lease() + 10
            while len(read) < total and SystemClock().lease() < until:
                if tail.moved(stamp):
                    page = tail.read(cursor)
                    read += page.entries
                    cursor, stamp = page.cursor, page.stamp
            return read

        async def write() -> list[bytes]:
            for number in range(total):
                await store.commit(entry(b"%d" % number))
            return []

        readers = (asyncio.to_thread(follow) for _ in range(2))
        *reads, _ = await together(*readers, write())
        assert reads == [[b"%d" % number for number in range(total)]] * 2

    async def test_the_tail_of_a_closed_store_never_says_that_all_is_read(self, make: Make) -> None:
        store = make()
        tail = store.tail
        if tail is None:
            return
        await store.open()
        await store.commit(entry())
        stamp = tail.read(None).stamp
        assert not tail.moved(stamp)
        await store.close()
        for seen in (stamp, b"", bytes(8)):
            assert tail.moved(seen)
        for ask in (lambda: tail.read(None), tail.check):
            with pytest.raises(StoreUnavailable):
                ask()
