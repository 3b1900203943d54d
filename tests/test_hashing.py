"""Passwords are hashed beside the event loop, by a bounded pool."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading

import pytest

from admit.core.password import OWASP_2024, HashParameters
from admit.errors import BadCredential, ConfigError, StoreError, TooMany
from admit.hashing import Hashing
from admit.system import chance
from admit.unsafe import CHEAPEST_HASH

PASSWORD = b"a password of some length"


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("admit-hash")]


async def test_a_password_is_verified_by_its_own_hash_alone() -> None:
    hashing = Hashing(chance=chance)
    phc = await hashing.hash(PASSWORD)
    await hashing.verify(PASSWORD, phc)
    for wrong in (PASSWORD[:-1], PASSWORD + b" ", b"", PASSWORD.upper()):
        with pytest.raises(BadCredential):
            await hashing.verify(wrong, phc)
    await hashing.close()


async def test_a_hash_is_a_phc_string_with_the_chosen_parameters_and_a_salt_of_its_own() -> None:
    hashing = Hashing(HashParameters(memory=12_288, passes=3, lanes=2), chance=chance)
    one, other = await hashing.hash(PASSWORD), await hashing.hash(PASSWORD)
    assert one.startswith("$argon2id$v=19$m=12288,t=3,p=2$")
    assert one.split("$")[4] != other.split("$")[4]
    await hashing.close()


async def test_argon2_agrees_with_the_vector_of_its_reference_implementation() -> None:
    # From the tests of the reference implementation, argon2id v=19, m=2^16, t=2, p=1.
    phc = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
    hashing = Hashing(chance=chance)
    await hashing.verify(b"password", phc)
    await hashing.close()


async def test_a_hash_is_outgrown_when_it_has_less_memory_or_fewer_passes() -> None:
    hashing = Hashing(OWASP_2024, chance=chance)
    phc = await hashing.hash(PASSWORD)
    await hashing.close()
    assert not hashing.outgrown(phc)
    assert not Hashing(CHEAPEST_HASH, chance=chance).outgrown(phc)
    assert Hashing(HashParameters(memory=19_457, passes=2), chance=chance).outgrown(phc)
    assert Hashing(HashParameters(memory=19_456, passes=3), chance=chance).outgrown(phc)


async def test_what_is_no_password_hash_is_a_fault_of_the_store() -> None:
    hashing = Hashing(CHEAPEST_HASH, chance=chance)
    with pytest.raises(StoreError):
        await hashing.verify(PASSWORD, "$2b$12$abcdefghijklmnopqrstuv")
    # In the form of one, but with less memory than argon2 knows how to use.
    with pytest.raises(StoreError):
        await hashing.verify(
            PASSWORD, "$argon2id$v=19$m=1,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
        )
    await hashing.close()


async def test_a_full_queue_says_when_to_come_back_and_is_free_again_afterwards() -> None:
    hashing = Hashing(chance=chance, threads=1, waiting=2)
    answers = await asyncio.gather(*(hashing.hash(PASSWORD) for _ in range(6)), return_exceptions=True)
    refused = [answer for answer in answers if isinstance(answer, TooMany)]
    assert len(refused) == 3
    assert refused[0].retry_after > 0
    assert await hashing.hash(PASSWORD)
    await hashing.close()


async def test_who_stops_waiting_leaves_the_place_to_another() -> None:
    hashing = Hashing(chance=chance, threads=1, waiting=2)
    for _ in range(5):
        waiting = [asyncio.create_task(hashing.hash(PASSWORD)) for _ in range(3)]
        await asyncio.sleep(0)
        for task in waiting[1:]:
            task.cancel()
        done = await asyncio.gather(*waiting, return_exceptions=True)
        assert isinstance(done[0], str)
        assert all(isinstance(answer, asyncio.CancelledError) for answer in done[1:])
    assert len(await asyncio.gather(*(hashing.hash(PASSWORD) for _ in range(3)))) == 3
    await hashing.close()


async def test_who_stops_waiting_for_a_hash_in_the_making_leaves_the_place_too() -> None:
    hashing = Hashing(chance=chance, threads=1, waiting=0)
    task = asyncio.create_task(hashing.hash(PASSWORD))
    await asyncio.sleep(0)
    task.cancel()
    await hashing.close()
    assert task.cancelled()
    assert await hashing.hash(PASSWORD)
    await hashing.close()


async def test_closing_hashes_what_is_waiting_and_ends_the_threads() -> None:
    hashing = Hashing(chance=chance, threads=2)
    before = threads()
    assert before == []
    waiting = [asyncio.create_task(hashing.hash(PASSWORD)) for _ in range(6)]
    await asyncio.sleep(0)
    assert len(threads()) == 2
    await hashing.close()
    assert threads() == []
    assert len(await asyncio.gather(*waiting)) == 6
    await hashing.close()


def test_it_serves_more_than_one_event_loop() -> None:
    hashing = Hashing(CHEAPEST_HASH, chance=chance)
    phc = asyncio.run(hashing.hash(PASSWORD))
    asyncio.run(hashing.verify(PASSWORD, phc))
    asyncio.run(hashing.close())


def test_a_machine_without_memory_for_a_hash_says_that_it_is_busy() -> None:
    code = """
import asyncio, resource
from admit.core.password import HashParameters
from admit.errors import TooMany
from admit.hashing import Hashing
from admit.system import chance

async def main():
    hashing = Hashing(HashParameters(memory=4_000_000, passes=1), chance=chance)
    for work in (hashing.hash(b"x"), hashing.verify(b"x", None)):
        try:
            await work
        except TooMany as error:
            print(error)
    await hashing.close()

resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
asyncio.run(main())
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert ran.stdout.lower().count("memory") == 2


def test_wrong_settings_are_all_named_at_once() -> None:
    with pytest.raises(ConfigError) as refused:
        Hashing(chance=chance, threads=0, waiting=-1)
    assert len(refused.value.faults) == 2
