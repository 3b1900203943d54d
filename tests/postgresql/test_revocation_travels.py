"""A revocation travels from a server on PostgreSQL to verifiers, while that, too, does what databases do.

What verifiers wrote down is judged as it is over SQLite; what ends here is acknowledged by one process, and told to
verifiers by another.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from random import Random

from counts import times
from postgres import Engine, postgres
from processes.test_revocation_travels import judge, played
from processes.travels import Act, travels

BOUND = 1.0


def faults_of(engine: Engine) -> dict[str, tuple[Act, Act]]:
    """What can happen to a database."""

    async def kill() -> None:
        await asyncio.to_thread(engine.kill)

    async def stop() -> None:
        await asyncio.to_thread(engine.stop)

    async def start() -> None:
        await asyncio.to_thread(engine.start)

    async def freeze() -> None:
        frozen.enter_context(engine.stopped())

    async def thaw() -> None:
        frozen.close()

    frozen = ExitStack()
    return {
        "database killed": (kill, start),
        "database restarted": (stop, start),
        "database stopped": (freeze, thaw),
    }


async def test_no_verifier_accepts_later_than_its_bound_whatever_happens_to_the_database(
    tmp_path: Path, chaos: Random, record_property: Callable[[str, str], None]
) -> None:
    with postgres() as engine:
        async with travels(tmp_path, chaos, BOUND, verifiers=3, asking=1, store=engine.database()) as parts:
            faults = {**faults_of(engine), "authority killed": parts.faults()["authority killed"]}
            history = await played(parts, chaos, BOUND, faults, times("rounds of chaos on PostgreSQL"))
    judge(history, BOUND, record_property)
