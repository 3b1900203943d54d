"""A flood of sign-ins takes all processors and all memory, for each is dear by design (PWD-06)."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading

from admit.core.password import OWASP_2024
from admit.errors import TooMany
from admit.hashing import Hashing
from admit.stores.memory import MemoryStore
from admit.system import chance
from services import EMAIL, PASSWORD, services


async def test_other_work_goes_on_while_a_flood_of_sign_ins_hashes() -> None:
    async with services(MemoryStore(), OWASP_2024) as here:
        await here.accounts.create(EMAIL, PASSWORD)
        flood = asyncio.gather(*(here.accounts.sign_in(EMAIL, PASSWORD) for _ in range(20)))
        turns = 0
        while not flood.done():
            await asyncio.sleep(0)
            turns += 1
            assert sum(thread.name.startswith("admit-hash") for thread in threading.enumerate()) <= 2
        assert len(await flood) == 20
        # Hashed in the loop, each sign-in would leave a few turns to others; beside it, thousands.
        assert turns > 1_000


async def test_whoever_comes_when_the_queue_is_full_is_told_so_at_once() -> None:
    hashing = Hashing(OWASP_2024, chance=chance, threads=2, waiting=8)
    answers = await asyncio.gather(*(hashing.verify(b"x", None) for _ in range(200)), return_exceptions=True)
    refused = [answer for answer in answers if isinstance(answer, TooMany)]
    assert len(refused) == 190
    assert all(answer.retry_after >= 1 for answer in refused)
    await hashing.close()


def test_a_flood_takes_the_memory_of_as_many_hashes_as_there_are_threads() -> None:
    code = """
import asyncio, resource
from admit.hashing import Hashing
from admit.system import chance

async def main():
    hashing = Hashing(chance=chance, threads=2, waiting=100)
    phc = await hashing.hash(b"x")
    calm = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    await asyncio.gather(*(hashing.verify(b"x", phc) for _ in range(40)))
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - calm)
    await hashing.close()

asyncio.run(main())
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert int(ran.stdout) < 2 * OWASP_2024.memory  # KiB; the first of the two was counted before
