"""A long password keeps the server busy, or is cut off so that its beginning is enough (PWD-02).

Hashing has been made to work for minutes by one request with a password of megabytes; and where a password
is cut at 72 bytes, whoever knows the first 72 knows it.
"""

from __future__ import annotations

import threading

import pytest

from admit.errors import BadCredential, BadInput
from admit.stores.memory import MemoryStore
from services import EMAIL, PASSWORD, services

LONG = ["x" * 1_025, "é" * 513, "\ufdfa" * 57, "\u1112\u1161\u11ab" * 114, "x" * 10_000_000]
LONG_NAMES = ["1,025 bytes", "1,026 bytes of é", "1,881 bytes after NFKC", "1,026 bytes before NFKC", "10 MB"]


def hashing_threads() -> int:
    return sum(thread.name.startswith("admit-hash") for thread in threading.enumerate())


@pytest.mark.parametrize("password", LONG, ids=LONG_NAMES)
async def test_a_password_over_the_cap_is_refused_before_anything_is_hashed(password: str) -> None:
    async with services(MemoryStore()) as here:
        for ask in (here.accounts.create, here.accounts.sign_in):
            with pytest.raises(BadInput) as refused:
                await ask(EMAIL, password)
            assert refused.value.code == "password_too_long"
        assert hashing_threads() == 0


@pytest.mark.parametrize("length", [64, 72, 73, 200, 1_024])
async def test_a_long_password_counts_to_its_last_byte(length: int) -> None:
    async with services(MemoryStore()) as here:
        password = " ".join(map(str, range(1_000)))[:length]
        await here.accounts.create(EMAIL, password)
        await here.accounts.sign_in(EMAIL, password)
        for wrong in (password[:-1] + "y", password[:-1], password[:71] + "y" + password[72:]):
            if wrong != password:
                with pytest.raises(BadCredential):
                    await here.accounts.sign_in(EMAIL, wrong)


async def test_a_byte_of_zero_does_not_end_a_password() -> None:
    async with services(MemoryStore()) as here:
        await here.accounts.create(EMAIL, PASSWORD + "\x00one")
        for wrong in (PASSWORD, PASSWORD + "\x00two"):
            with pytest.raises(BadCredential):
                await here.accounts.sign_in(EMAIL, wrong)
        await here.accounts.sign_in(EMAIL, PASSWORD + "\x00one")
