"""Admit's verifier in the lab: an authority that really serves, application servers in processes, a network between them."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from admit.lab import outage, revocation
from admit.lab.crew import crew
from admit.lab.faults import faults_of
from admit.lab.report import Outage, Revocation
from admit.lab.strategies import STRATEGIES
from admit.lab.strategy import ENDINGS, Plan
from redises import eventually

LANE = STRATEGIES["admit-verifier"]
BOUND = 0.5
PACE = outage.Pace(signed_in=2, ended=1, before=0.2, fault=1.5, after=30.0, pause=0.05, limit=5.0)

STARTS_ONE = """
import asyncio, sys
from admit.lab.strategies import STRATEGIES
from admit.lab.strategy import Plan

async def main():
    issuer = await STRATEGIES["admit-verifier"].issuer(Plan("admit-verifier", sys.argv[1], bytes(range(32))))
    print(issuer.listens_at, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


async def measured(folder: Path) -> tuple[tuple[Revocation, ...], Outage]:
    async with crew(2) as processes:
        plan = Plan("admit-verifier", f"sqlite:///{folder}/one.db", bytes(range(32)), staleness=BOUND)
        other = replace(plan, url=f"sqlite:///{folder}/other.db")
        return await asyncio.gather(
            revocation.measured(LANE, plan, "sqlite", processes, revocation.Pace(2, 1, 2.0)),
            outage.measured(LANE, other, "sqlite", processes, "gone", PACE),
        )


async def test_ends_travel_and_a_lost_authority_means_asking_to_try_again_and_never_letting_in_for_long(
    tmp_path: Path,
) -> None:
    ends, broken = await measured(tmp_path)
    assert [one.how for one in ends] == list(ENDINGS)
    for one in ends:
        assert one.lags[0] <= BOUND * 1e3
        assert (one.note, one.lifetime) == ("", None)
    assert set(faults_of(LANE, "sqlite")) == {"slow", "gone", "cut"}
    before = [moment for moment in broken.moments if moment.at < 0]
    late = [moment for moment in broken.moments if BOUND < moment.at < PACE.fault - PACE.slice]
    assert sum(moment.let_in for moment in before)
    assert sum(moment.unavailable for moment in late)
    assert sum(moment.wrongly_let_in for moment in late) == 0
    assert sum(moment.thrown_out for moment in broken.moments) == 0
    assert broken.recovered is not None


def test_what_serves_for_it_ends_with_whoever_measures(tmp_path: Path) -> None:
    command = [sys.executable, "-c", STARTS_ONE, f"sqlite:///{tmp_path}/app.db"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as measuring:
        assert measuring.stdout is not None
        port = int(measuring.stdout.readline())
        assert _is_taken(port)
        os.kill(measuring.pid, signal.SIGKILL)
    eventually(lambda: not _is_taken(port))


def _is_taken(port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0
