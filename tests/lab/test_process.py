"""Application servers in processes: what they say, how they fail, and that they outlive nobody."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from admit.lab.crew import crew
from admit.lab.strategy import Plan, Unmeasured
from admit.lab.watching import Answer
from lab.planted import STRATEGIES
from redises import eventually
from server.fleet import alive

STARTS_ONE = """
import asyncio
from admit.lab.crew import Process

async def main():
    print((await Process.start("lab.planted")).pid, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_a_process_measures_how_much_it_verifies_and_says_why_it_cannot(tmp_path: Path) -> None:
    plan = Plan("prompt", f"file://{tmp_path}", bytes(32))
    issuer = await STRATEGIES["prompt"].issuer(plan)
    held = await issuer.sign_in("ann")
    async with crew(1, table="lab.planted") as processes:
        (server,) = await processes.serve(STRATEGIES["prompt"], plan, "sqlite")
        took = await server.measure([held.header], seconds=0.2, at_once=2)
        assert took.verified > 0
        assert took.seconds >= 0.2
        assert took.cpu > 0
        await issuer.end("sign out", held)
        with pytest.raises(Unmeasured, match="Refused"):
            await server.measure([held.header], seconds=0.2)
        with pytest.raises(Unmeasured, match="unheard of"):
            await processes.processes[0].serve(Plan("unheard of", "", bytes(32)))
        os.kill(processes.processes[0].pid, signal.SIGKILL)
        with pytest.raises(Unmeasured, match="has ended"):
            await server.tell()


async def test_somebody_who_has_another_credential_is_asked_for_with_that(tmp_path: Path) -> None:
    plan = Plan("prompt", f"file://{tmp_path}", bytes(32))
    issuer = await STRATEGIES["prompt"].issuer(plan)
    ann, bob, other = [await issuer.sign_in(name) for name in ("ann", "bob", "other")]
    await issuer.end("sign out", bob)
    async with crew(1, table="lab.planted") as processes:
        (server,) = await processes.serve(STRATEGIES["prompt"], plan, "sqlite")
        await server.watch([[ann.header], [bob.header]], pause=0.01)
        await server.renew(1, other.header)
        answers: list[Answer] = []
        while not any(one.person == 1 and one.outcome == "in" for one in answers):
            answers += await server.tell()
        answers += await server.rest()
    assert all(one.outcome == "in" for one in answers if one.person == 0)
    of_bob = [one.outcome for one in answers if one.person == 1]
    assert of_bob == sorted(of_bob, reverse=True)  # refused, if at all, until he has the other


def test_a_process_ends_with_the_one_that_started_it() -> None:
    with subprocess.Popen([sys.executable, "-c", STARTS_ONE], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        parent.kill()
    eventually(lambda: not alive(child))
