"""A session id that can be guessed, or that tells who owns it (SES-01).

Where ids are counters, clocks, or hashes of an e-mail address, whoever has one knows the next. Here what opens a
session is 256 bits of chance; the id beside it holds a time, which is no secret, and nothing of its subject but
one of 64 homes.
"""

from __future__ import annotations

import math
from collections import Counter

import pytest

from admit.core.secret import written
from counts import times
from worlds import value_of, world

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
LAST = "AEIMQUYcgkosw048"  # 43 characters hold 258 bits, two of which are zero


async def test_secrets_are_evenly_spread_and_never_repeat() -> None:
    async with world("memory") as here:
        cookies = [value_of(await here.sign_in()) for _ in range(times("sign-ins"))]
    secrets = [cookie.rpartition(".")[2] for cookie in cookies]
    assert len(set(secrets)) == len(cookies)
    for place in range(43):
        letters = LAST if place == 42 else ALPHABET
        count = Counter(secret[place] for secret in secrets)
        assert set(count) <= set(letters)
        expected = len(secrets) / len(letters)
        chi_square = sum((count[letter] - expected) ** 2 / expected for letter in letters)
        # Ten standard deviations above what even chance gives: by bad luck once in some million runs.
        freedom = len(letters) - 1
        assert chi_square < freedom + 10 * math.sqrt(2 * freedom)


async def test_two_sign_ins_of_one_moment_share_nothing_but_home_and_time() -> None:
    async with world("memory") as here:
        one, other = [value_of(await here.sign_in()).removeprefix("adm_s_").split(".") for _ in range(2)]
    assert one[0][:8] == other[0][:8]
    assert one[0][8:] != other[0][8:]
    assert one[2] != other[2]


@pytest.mark.parametrize("subject", ["ann", "ann@example.com", "a" * 128])
async def test_a_cookie_says_nothing_of_its_subject(subject: str) -> None:
    async with world("memory") as here:
        cookie = value_of(await here.sign_in(subject))
        assert len(cookie) == len(value_of(await here.sign_in("b")))
    assert subject not in cookie
    assert written(subject.encode()) not in cookie


async def test_chance_is_the_systems_and_is_asked_for_every_secret() -> None:
    asked: list[int] = []

    def nothing(size: int) -> bytes:
        asked.append(size)
        return len(asked).to_bytes(size)

    async with world("memory", chance=nothing) as here:
        asked.clear()
        await here.sign_in()
    assert asked.count(32) == 1
