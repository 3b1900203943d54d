"""Admit's verifier in the lab: an authority that really serves, application servers in processes, a network between them."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from admit.lab import outage, revocation
from admit.lab.crew import crew
from admit.lab.faults import faults_of
from admit.lab.report import Outage, Revocation
from admit.lab.strategies import STRATEGIES
from admit.lab.strategies.verifier import ON_A_LEASH
from admit.lab.strategy import ENDINGS, Plan, for_servers
from redises import eventually
from server.fleet import alive

LANE = STRATEGIES["admit-verifier"]
BOUND = 0.5
PACE = outage.Pace(signed_in=2, ended=1, before=0.2, fault=1.5, after=30.0, pause=0.05, limit=5.0)


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


async def test_what_a_verifier_asks_is_what_it_says_that_it_asked(tmp_path: Path) -> None:
    plan = Plan("admit-verifier", f"sqlite:///{tmp_path}/one.db", bytes(range(32)), staleness=BOUND)
    issuer = await LANE.issuer(plan)
    server = await LANE.server(for_servers(issuer, plan))
    held = await issuer.sign_in("ann")
    await server.verify(held.header)
    first = server.count.operations
    assert first >= 1  # it has asked for the log, or it would let nobody in
    await asyncio.to_thread(eventually, lambda: server.count.round_trips >= first + 2)  # it asks on, whoever comes
    await server.close()
    await issuer.close()


def test_what_serves_for_it_ends_with_whoever_measures() -> None:
    waits = "import os, signal; print(os.getpid(), flush=True); signal.pause()"
    command = ["sh", "-c", ON_A_LEASH, "sh", sys.executable, "-c", waits]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as leash:
        assert leash.stdin is not None
        assert leash.stdout is not None
        serving = int(leash.stdout.readline())
        assert alive(serving)
        leash.stdin.close()  # as the system does for one that is killed
        eventually(lambda: not alive(serving))
