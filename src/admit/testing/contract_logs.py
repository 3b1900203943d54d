"""The store contract, part three: who follows the log misses nothing, and is told when he cannot go on."""

from __future__ import annotations

import asyncio

import pytest

from admit.core.store import REVOCATIONS, Cursor, Delete, Insert, Replace, Store
from admit.errors import Conflict, CursorLost
from admit.testing.contract import DAY, Contract, Make, entry, now, record, together, whole_log


class LogContract(Contract):
    """Logs: order, completeness, cursors, purge."""

    async def test_an_empty_log_is_at_its_end(self, store: Store) -> None:
        page = await store.log(REVOCATIONS, None)
        assert (page.entries, page.cursor, page.end, page.stamp) == ((), None, True, b"")

    @pytest.mark.parametrize("limit", [1, 2, 3, 7, 8, 100])
    async def test_entries_come_in_the_order_of_the_commits(self, store: Store, limit: int) -> None:
        await store.commit(entry(b"0"), entry(b"1"), Insert(record()), entry(b"2"))
        for number in range(3, 7):
            await store.commit(entry(b"%d" % number))
        assert await whole_log(store, limit=limit) == [b"%d" % number for number in range(7)]

    async def test_a_reader_goes_on_where_he_was(self, store: Store) -> None:
        await store.commit(entry(b"0"), entry(b"1"), entry(b"2"))
        first = await store.log(REVOCATIONS, None, limit=2)
        assert (first.entries, first.end) == ((b"0", b"1"), False)
        second = await store.log(REVOCATIONS, first.cursor)
        assert (second.entries, second.end) == ((b"2",), True)
        third = await store.log(REVOCATIONS, second.cursor)
        assert (third.entries, third.end, third.cursor, third.stamp) == ((), True, second.cursor, second.stamp)
        await store.commit(entry(b"3"))
        assert (await store.log(REVOCATIONS, third.cursor)).entries == (b"3",)

    async def test_stamps_differ(self, store: Store) -> None:
        stamps: set[bytes] = set()
        for _ in range(10):
            await store.commit(entry(b"the same"))
            stamps.add((await store.log(REVOCATIONS, None)).stamp)
        assert len(stamps) == 10
        assert {len(stamp) for stamp in stamps} == {8}

    async def test_topics_do_not_mix(self, store: Store) -> None:
        await store.commit(entry(b"r"), entry(b"a", topic="audit"))
        assert await whole_log(store) == [b"r"]
        assert await whole_log(store, topic="audit") == [b"a"]
        assert await whole_log(store, topic="other") == []

    async def test_a_commit_that_failed_is_not_in_the_log(self, store: Store) -> None:
        kept = record()
        await store.commit(Insert(kept), entry(b"kept"))
        for _ in range(3):
            with pytest.raises(Conflict):
                await store.commit(entry(b"before"), Insert(record()), entry(b"behind"))
            with pytest.raises(Conflict):
                await store.commit(Delete(*kept.key, kept.version ^ 1), entry(b"behind"))
        assert await whole_log(store) == [b"kept"]

    async def test_the_order_of_the_log_is_the_order_of_the_commits(self, store: Store) -> None:
        await store.commit(Insert(record(body=b"0")))

        async def count_on() -> None:
            for _ in range(8):
                [was] = await store.get(("thing", "a1"))
                assert was is not None
                number = b"%d" % (int(was.body) + 1)
                try:
                    await store.commit(Replace(record(body=number), was.version), entry(number))
                except Conflict:
                    continue

        await together(*(count_on() for _ in range(6)))
        numbers = [int(line) for line in await whole_log(store)]
        assert numbers == list(range(1, len(numbers) + 1))
        assert numbers

    async def test_who_follows_the_log_misses_nothing(self, store: Store) -> None:
        writers, each = 6, 15
        writing = writers
        read: list[str] = []

        async def write(writer: int) -> None:
            nonlocal writing
            for number in range(each):
                name = f"{writer}.{number}"
                await store.commit(Insert(record(name)), entry(name.encode()))
            writing -= 1

        async def follow() -> None:
            after: Cursor | None = None
            done = False
            while not done:
                last_round = writing == 0
                page = await store.log(REVOCATIONS, after, limit=7)
                names = [line.decode() for line in page.entries]
                for name in names:
                    assert await store.get(("thing", f"a{name}")) != [None], "an entry came before what it tells of"
                read.extend(names)
                after = page.cursor
                done = last_round and page.end
                await asyncio.sleep(0)

        await together(follow(), *map(write, range(writers)))
        assert len(read) == len(set(read)), "an entry came twice"
        assert set(read) == {f"{w}.{n}" for w in range(writers) for n in range(each)}, "an entry never came"
        for writer in map(str, range(writers)):
            own = [int(name.split(".")[1]) for name in read if name.split(".")[0] == writer]
            assert own == sorted(own), "two commits of one writer changed places"

    async def test_a_position_of_another_history_is_lost(self, store: Store, make: Make) -> None:
        other = make()
        await other.open()
        for number in range(3):
            await store.commit(entry(b"%d" % number))
            await other.commit(entry(b"%d" % number))
        for behind in (1, 2, 3):
            cursor = (await other.log(REVOCATIONS, None, limit=behind)).cursor
            with pytest.raises(CursorLost) as lost:
                await store.log(REVOCATIONS, cursor)
            assert not lost.value.trimmed
        await other.commit(entry(b"ahead"))
        with pytest.raises(CursorLost) as lost:
            await store.log(REVOCATIONS, (await other.log(REVOCATIONS, None)).cursor)
        assert not lost.value.trimmed
        await other.close()

    @pytest.mark.parametrize("cursor", ["", "0", "-1", "x", "1.", "1.zz", "9" * 400, "1.0000000000000000", "\x00", "é"])
    async def test_what_is_no_position_is_lost(self, store: Store, cursor: str) -> None:
        await store.commit(entry())
        with pytest.raises(CursorLost):
            await store.log(REVOCATIONS, Cursor(cursor))

    async def test_a_position_that_was_purged_is_lost_as_trimmed(self, store: Store) -> None:
        await store.commit(entry(b"0", expires_at=now() - 2 * DAY), entry(b"1", expires_at=now() - 2 * DAY))
        await store.commit(entry(b"2"), entry(b"3"))
        cursors = [(await store.log(REVOCATIONS, None, limit=limit)).cursor for limit in (1, 2, 3)]
        assert await store.purge(now()) == 2
        for cursor in cursors[:2]:
            with pytest.raises(CursorLost) as lost:
                await store.log(REVOCATIONS, cursor)
            assert lost.value.trimmed
        assert (await store.log(REVOCATIONS, cursors[2])).entries == (b"3",)
        assert await whole_log(store) == [b"2", b"3"]

    async def test_a_quiet_log_keeps_its_last_entry(self, store: Store) -> None:
        await store.commit(*(entry(b"%d" % number, expires_at=now() - 9 * DAY) for number in range(3)))
        end = await store.log(REVOCATIONS, None)
        assert await store.purge(now()) == 2
        assert await store.purge(now()) == 0
        assert await whole_log(store) == [b"2"]
        assert await store.log(REVOCATIONS, end.cursor) == await store.log(REVOCATIONS, end.cursor)
        await store.commit(entry(b"3"))
        assert (await store.log(REVOCATIONS, end.cursor)).entries == (b"3",)

    async def test_an_entry_stays_for_a_day_after_its_time(self, store: Store) -> None:
        moments = [now() - DAY + 60, now(), now() + 60]
        await store.commit(*(entry(b"%d" % number, expires_at=moment) for number, moment in enumerate(moments)))
        assert await store.purge(now()) == 0
        assert await whole_log(store) == [b"0", b"1", b"2"]
