"""Somebody learns who has an account by what a failed sign-in costs the server (ENU-01).

To look for a name that nobody has, and to write the failure down, is the same work as for one that somebody has.
"""

from __future__ import annotations

from collections import Counter

import pytest

from admit.errors import BadCredential
from admit.testing.clock import FakeClock
from services import EMAIL, PASSWORD
from worlds import Watched, authority, made


async def test_each_failure_asks_the_store_the_same_whether_there_is_an_account_or_not() -> None:
    store = Watched(made("memory"))
    async with authority(store, FakeClock()) as auth:
        await auth.accounts.create(EMAIL, PASSWORD)
        asked: dict[str, list[Counter[str]]] = {}
        for email in (EMAIL, "nobody@example.com"):
            asked[email] = []
            for _ in range(9):
                store.asked.clear()
                with pytest.raises(BadCredential):
                    await auth.accounts.sign_in(email, "not the password of anybody")
                asked[email].append(store.asked.copy())
        known, unknown = asked.values()
        assert known == unknown
        assert [one["commit"] for one in known] == [1, 1, 0, 1, 0, 0, 0, 1, 0]
