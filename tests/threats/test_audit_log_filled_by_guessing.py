"""A botnet guesses at millions of names until the disk is full of its failures, or what it does drowns in them (OPS-01, ENU-03).

Failures for one name are written at every power of two, and those of all names together up to a number an hour. Nor is a
token that somebody gives back again and again the end of anything more than once.
"""

from __future__ import annotations

from itertools import count
from pathlib import Path

import pytest

from admit.core.audit import Act
from admit.errors import BadCredential
from admit.unsafe import NO_THROTTLE
from services import EMAIL, PASSWORD
from throttled import Clock
from worlds import KINDS, authority, made, world


async def failed(auth: object, email: str, times: int = 1) -> None:
    for _ in range(times):
        with pytest.raises(BadCredential):
            await auth.accounts.sign_in(email, "not the password of anybody")  # type: ignore[attr-defined]


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "homes"])
async def test_thousands_of_failures_are_some_entries_that_count_them(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("admit.audit.MOST_FAILURES", 20)
    clock = Clock()
    async with authority(made(kind, tmp_path), clock, throttle=NO_THROTTLE) as auth:
        account = await auth.accounts.create(EMAIL, PASSWORD)
        before = len((await auth.audit.page()).entries)
        await failed(auth, EMAIL, 33)
        entries = (await auth.audit.page(subject=account.id, asked=lambda entry: bool(entry.failed))).entries
        assert sorted(entry.times for entry in entries) == [1, 2, 4, 8, 16, 32]
        names = (f"nobody{number}@example.com" for number in count())
        for _ in range(100):
            await failed(auth, next(names))
        # Twenty, and then the 32nd and the 64th of all that there was to write.
        assert len((await auth.audit.page(limit=1_000)).entries) == before + 22
        clock.next_window(3_600)
        await failed(auth, EMAIL)
        assert (await auth.audit.page(limit=1)).entries[0].times == 1, "the next hour begins anew"


async def test_the_others_entries_do_not_count_among_the_failures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("admit.audit.MOST_FAILURES", 0)
    async with authority(made("memory"), Clock(), throttle=NO_THROTTLE) as auth:
        await failed(auth, EMAIL, 3)
        account = await auth.accounts.create(EMAIL, PASSWORD)
        await auth.accounts.set_password(account.id, PASSWORD + PASSWORD)
        acts = [entry.act for entry in (await auth.audit.page(subject=account.id)).entries]
        assert sorted(acts) == ["account_created", "password_reset"]


@pytest.mark.parametrize("kind", KINDS)
async def test_a_token_that_is_given_back_again_and_again_is_told_once(kind: str, tmp_path: Path) -> None:
    async with world(kind, tmp_path) as here:
        pair = await here.auth.tokens.issue((await here.sign_in()).session)
        for token in (pair.access_token, pair.refresh_token):
            for _ in range(3):
                await here.auth.tokens.end_presented(token)
        entries = (await here.auth.audit.page(subject="ann")).entries
        assert sorted(entry.act for entry in entries) == [
            Act.SESSION_ENDED,
            Act.SIGN_IN,
            Act.TOKEN_REVOKED,
            Act.TOKENS_ISSUED,
        ]
        before = here.store.asked["commit"]
        await here.auth.tokens.end_presented(pair.refresh_token)
        assert here.store.asked["commit"] == before
