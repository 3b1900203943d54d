"""Somebody learns who has an account by what a failed sign-in costs the server (ENU-01).

To look for a name that nobody has, and to write the failure down, is the same work as for one that somebody has; so it
is to make somebody wait, whose account the log names.
"""

from __future__ import annotations

from collections import Counter

import pytest
from msgspec.structs import replace

from admit.core.request import Request
from admit.core.throttle import MODERATE, Limit
from admit.errors import BadCredential, TooMany
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


async def test_who_is_made_to_wait_asks_the_store_the_same_whether_there_is_an_account_or_not() -> None:
    store, policy = Watched(made("memory")), replace(MODERATE, account=(Limit(3, 60.0),))
    async with authority(store, FakeClock(), throttle=policy) as auth:
        account = await auth.accounts.create(EMAIL, PASSWORD)
        asked: dict[str, list[Counter[str]]] = {}
        for email in (EMAIL, "nobody@example.com"):
            asked[email] = []
            for number in range(6):
                store.asked.clear()
                with pytest.raises(BadCredential if number < 3 else TooMany):
                    async with auth.throttle.sign_in(Request("POST", "/", ()), email):
                        await auth.accounts.sign_in(email, "not the password of anybody")
                asked[email].append(store.asked.copy())
        known, unknown = asked.values()
        assert known == unknown
        assert [one["commit"] for one in known[3:]] == [1, 0, 0]
        waited = [entry for entry in (await auth.audit.page()).entries if entry.failed == "too_many"]
        assert sorted((entry.subject, len(entry.what)) for entry in waited) == [("", 16), (account.id, 0)]
