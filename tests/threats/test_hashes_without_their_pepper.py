"""A dump of the store is guessed at offline, at leisure (PWD-07).

With a pepper, which is not in the store, there is nothing to guess at. A pepper can be replaced: passwords move to the
new one as people sign in; one that is taken out ends the passwords that are still under it, and tells nobody.
"""

from __future__ import annotations

import pytest
from argon2.exceptions import VerifyMismatchError
from argon2.low_level import Type, verify_secret

from admit.errors import BadCredential, ConfigError
from admit.kept import ACCOUNT
from admit.stores.memory import MemoryStore
from admit.testing.clock import FakeClock
from worlds import authority

EMAIL, PASSWORD = "ann@example.org", "a password of some length"
OLD, NEW = bytes(range(32)), bytes(range(32, 64))


def kept(store: MemoryStore) -> str:
    [record] = [record for record in store._records.values() if record.kind == ACCOUNT.kind]
    password = ACCOUNT.decode(record).password
    assert password is not None
    return password


async def signs_in(store: MemoryStore, *peppers: bytes, password: str = PASSWORD) -> bool:
    async with authority(store, FakeClock(), peppers=peppers) as auth:
        try:
            await auth.accounts.sign_in(EMAIL, password)
        except BadCredential:
            return False
    return True


async def a_store(*peppers: bytes) -> MemoryStore:
    store = MemoryStore()
    async with authority(store, FakeClock(), peppers=peppers) as auth:
        await auth.accounts.create(EMAIL, PASSWORD)
    return store


async def test_the_password_itself_does_not_verify_what_is_kept() -> None:
    _, dollar, phc = kept(await a_store(OLD)).partition("$")
    with pytest.raises(VerifyMismatchError):
        verify_secret((dollar + phc).encode(), PASSWORD.encode(), Type.ID)
    plain = kept(await a_store())
    assert verify_secret(plain.encode(), PASSWORD.encode(), Type.ID)


async def test_without_the_pepper_nobody_signs_in() -> None:
    store = await a_store(OLD)
    assert await signs_in(store, OLD)
    assert not await signs_in(store, OLD, password="not the password")
    assert not await signs_in(store)
    assert not await signs_in(store, NEW)


async def test_a_new_pepper_is_taken_up_at_the_next_sign_in() -> None:
    store = await a_store(OLD)
    before = kept(store)
    assert await signs_in(store, NEW, OLD)
    after = kept(store)
    assert before.partition("$")[0] != after.partition("$")[0]
    assert await signs_in(store, NEW)
    assert not await signs_in(store, OLD)


async def test_a_first_pepper_is_taken_up_too() -> None:
    store = await a_store()
    assert await signs_in(store, OLD)
    assert not kept(store).startswith("$")
    assert not await signs_in(store)


async def test_a_wrong_password_changes_nothing() -> None:
    store = await a_store(OLD)
    before = kept(store)
    assert not await signs_in(store, NEW, OLD, password="not the password")
    assert kept(store) == before


def test_a_short_pepper_is_refused_in_words_that_help() -> None:
    with pytest.raises(ConfigError, match="Pepper 2 has 5 bytes"):
        authority("memory://", FakeClock(), peppers=(OLD, b"short"))
