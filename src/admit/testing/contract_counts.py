"""The store contract, part five: counters that a throttle can trust, whoever else counts at the same time."""

from __future__ import annotations

import asyncio
import threading

import pytest

from admit.core.store import Store
from admit.errors import StoreError, StoreUnavailable
from admit.testing.contract import DAY, Contract, Make, now, together

_MINUTE = 60.0


def _noon() -> float:
    """The middle of the present minute: nothing that is tested here comes near the end of a window."""
    return now() // _MINUTE * _MINUTE + 30


class CountContract(Contract):
    """Counting: atomic, in windows, each key by itself."""

    async def test_every_hit_is_counted(self, store: Store) -> None:
        at = _noon()
        assert [await store.count("k", _MINUTE, at + second) for second in range(5)] == [1, 2, 3, 4, 5]

    async def test_no_hit_is_lost_among_a_hundred_at_once(self, store: Store) -> None:
        at = _noon()
        assert sorted(await together(*(store.count("k", _MINUTE, at) for _ in range(100)))) == list(range(1, 101))

    async def test_no_hit_is_lost_between_event_loops(self, store: Store) -> None:
        at = _noon()
        counted: list[int] = []

        def hit() -> None:
            async def hits() -> list[int]:
                return await together(*(store.count("k", _MINUTE, at) for _ in range(25)))

            counted.extend(asyncio.run(hits()))

        threads = [threading.Thread(target=hit) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            await asyncio.to_thread(thread.join)
        assert sorted(counted) == list(range(1, 101))

    async def test_keys_are_counted_apart(self, store: Store) -> None:
        at = _noon()
        for key in ("", "k", "K", "k ", "k\x00", "'", "ключ"):
            assert await store.count(key, _MINUTE, at) == 1
            assert await store.count(key, _MINUTE, at) == 2

    async def test_a_new_window_begins_at_nothing(self, store: Store) -> None:
        at = _noon()
        for _ in range(3):
            await store.count("k", _MINUTE, at)
        assert await store.count("k", _MINUTE, at + 29.9) == 4
        assert await store.count("k", _MINUTE, at + 30) == 1

    async def test_windows_of_one_key_are_counted_apart(self, store: Store) -> None:
        at = _noon()
        assert await store.count("k", _MINUTE, at) == 1
        assert await store.count("k", DAY, at) == 1
        assert await store.count("k", 0.5, at) == 1
        assert await store.count("k", _MINUTE, at) == 2

    async def test_looking_counts_nothing(self, store: Store) -> None:
        at = _noon()
        assert await store.count("k", _MINUTE, at, hits=0) == 0
        assert await store.count("k", _MINUTE, at, hits=3) == 3
        assert await store.count("k", _MINUTE, at, hits=0) == 3
        assert await store.count("k", _MINUTE, at) == 4

    async def test_hits_are_given_back_down_to_nothing(self, store: Store) -> None:
        at = _noon()
        await store.count("k", _MINUTE, at, hits=3)
        assert await store.count("k", _MINUTE, at, hits=-1) == 2
        assert await store.count("k", _MINUTE, at, hits=-5) == 0
        assert await store.count("new", _MINUTE, at, hits=-1) == 0
        assert await store.count("k", _MINUTE, at) == 1
        assert await store.count("new", _MINUTE, at) == 1

    async def test_purge_forgets_windows_that_are_over_and_no_other(self, store: Store) -> None:
        at = _noon()
        await store.count("k", _MINUTE, at - DAY)
        await store.count("k", _MINUTE, at)
        await store.purge(at)
        assert await store.count("k", _MINUTE, at - DAY, hits=0) == 0
        assert await store.count("k", _MINUTE, at, hits=0) == 1

    @pytest.mark.parametrize("window", [0.0, -1.0, float("inf"), float("nan")])
    async def test_a_window_that_is_no_time_is_refused(self, store: Store, window: float) -> None:
        with pytest.raises(StoreError):
            await store.count("k", window, now())

    async def test_a_closed_store_counts_nothing(self, make: Make) -> None:
        store = make()
        with pytest.raises(StoreUnavailable):
            await store.count("k", _MINUTE, now())
