"""What is measured of strategies that cost what was planted in them: the instruments have to find it."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from admit.lab.burden import burden_of
from admit.lab.crew import crew
from admit.lab.machine import machine
from admit.lab.path import paths
from admit.lab.running import PEOPLE, Running, in_turns, signed_in, value
from admit.lab.storage import at_a_million, storage
from admit.lab.strategies import STRATEGIES
from admit.lab.strategy import Caller, Count, Ending, Held, Plan, Refused, Unmeasured
from admit.lab.throughput import at_ten, throughputs
from engines import SERVERS, fresh
from lab.planted import about

BUSY = 0.0002
WAITS = 0.001
PLAN = Plan("planted", "none://", bytes(32))


class Keeping:
    """Keeps 5,000 bytes, and 100 more for each."""

    def __init__(self) -> None:
        self.count = Count()
        self.loaded: list[str] = []

    async def load(self, subjects: Sequence[str]) -> None:
        self.loaded += subjects

    async def sign_in(self, subject: str, *, roles: frozenset[str] = frozenset()) -> Held:
        return Held(subject, ("cookie", "a=é"), kept=f"{'x' * 40}é")

    async def refresh(self, held: Held) -> Held:
        return held

    async def end(self, how: Ending, held: Held) -> None: ...

    async def kept_bytes(self) -> int:
        return 5_000 + 100 * len(self.loaded)

    async def close(self) -> None: ...


class Costing:
    """Is busy, or waits; asks three things of others, two of them at once; some of its requests take long."""

    def __init__(self, *, waits: bool) -> None:
        self.count = Count()
        self._waits = waits
        self._asked = 0

    async def verify(self, header: tuple[str, str]) -> Caller:
        self._asked += 1
        self.count.operations += 3
        self.count.round_trips += 2
        if self._waits:
            await asyncio.sleep(WAITS)
        else:
            until = time.thread_time() + BUSY * (10 if self._asked % 25 == 0 else 1)
            while time.thread_time() < until:
                pass
        return Caller("ann", frozenset())

    async def close(self) -> None: ...


@dataclass(frozen=True)
class Costly:
    waits: bool = False
    about = about("planted", "none")

    async def issuer(self, plan: Plan) -> Keeping:
        return Keeping()

    async def server(self, plan: Plan) -> Costing:
        return Costing(waits=self.waits)


async def test_storage_is_what_is_kept_for_each_and_a_million_is_worked_out_of_it() -> None:
    issuer = Keeping()
    sizes: list[int] = []
    found = await storage(Running(Costly(), PLAN, "none", issuer), [1_000, 100], told=sizes.append)
    assert (found.server, sizes) == ({100: 150.0, 1_000: 105.0}, [100, 1_000])
    assert len(set(issuer.loaded)) == 1_000
    assert found.at_a_million == pytest.approx(100.005)
    assert found.formula == "5,000 + 100.0 × people, from 100 and 1,000"
    assert (found.client, found.wire) == (42, len("cookie: a=é\r\n".encode()))


async def test_a_list_of_what_has_ended_is_not_measured_empty() -> None:
    plan = Plan("hybrid-blocklist", "memory://listed", bytes(32), access_seconds=300.0, session_seconds=86_400.0)
    issuer = await STRATEGIES[plan.strategy].issuer(plan)
    found = await storage(Running(STRATEGIES[plan.strategy], plan, "memory", issuer), [600])
    await issuer.close()
    # Each of them once a day, of which a token lives for five minutes: 2.1, and never none.
    assert found.formula.endswith("as of 600, of whom 3 have a token on the list of what has ended")
    assert issuer.count.operations >= 600 + 3


@pytest.mark.parametrize(
    ("kept", "each", "formula"),
    [
        ({1_000: 0.0}, 0.0, "nothing is kept of anybody"),
        ({1_000: 70.0}, 70.0, "70.0 × people, as of 1,000"),
        ({1_000: 90.0, 1_000_000: 77.0}, 77.0, "measured"),
        # A table that has just doubled takes more for each of more: nothing negative is taken once.
        ({1_000: 60.0, 10_000: 69.0}, 70.0, "0 + 70.0 × people, from 1,000 and 10,000"),
    ],
)
def test_a_million_follows_from_fewer(kept: dict[int, float], each: float, formula: str) -> None:
    found, said = at_a_million(kept)
    assert found == pytest.approx(each, abs=1e-9)
    assert said == formula


async def test_the_path_is_what_a_verification_costs() -> None:
    issuer = Keeping()
    lanes = [Running(Costly(waits), PLAN, "none", issuer) for waits in (False, True)]
    turns: list[Running] = []
    busy, waiting = await paths(lanes, repeats=2, seconds=0.01, told=turns.append)
    assert turns == [lanes[0], lanes[1], lanes[1], lanes[0]]
    for found in (busy, waiting):
        assert (found.operations, found.round_trips, found.p50.repeats) == (3.0, 2.0, 2)
        assert found.p50.low <= found.p50.median <= found.p50.high
        assert found.first
        assert (found.first.repeats, found.first_operations) == (PEOPLE - 1, 3.0)
    assert waiting.first
    assert waiting.first.low >= WAITS * 1e6
    assert busy.p50.low >= BUSY * 1e6
    assert busy.p99.low >= BUSY * 10 * 1e6  # four in a hundred take ten times as long
    assert busy.cpu.low >= BUSY * 1e6
    assert waiting.p50.low >= WAITS * 1e6
    assert waiting.cpu.high < WAITS * 1e6  # to wait costs no processor time


async def test_whoever_is_refused_is_not_measured() -> None:
    plan = Plan("jwt-hs256-admit", "none://", bytes(32), access_seconds=-10.0)
    strategy = STRATEGIES[plan.strategy]
    with pytest.raises(Refused):
        await paths([Running(strategy, plan, "none", Keeping())], repeats=1, seconds=0.01)


def test_repeats_are_taken_in_rounds_of_which_each_begins_with_another() -> None:
    assert list(in_turns("abc", 3)) == list("abcbcacab")
    assert list(in_turns("ab", 4)) == list("ababbaba")
    found = value([3.0, 1.0, 8.0])
    assert (found.median, found.low, found.high, found.repeats) == (3.0, 1.0, 8.0, 3)


def test_ten_servers_do_ten_times_as_much_until_what_they_share_can_no_more() -> None:
    ten, limit = at_ten(0.001, 0.00001, workers=1)
    assert ten == pytest.approx(10_000)
    assert limit == "nothing that is shared: each server adds 1,000 in a second"
    ten, limit = at_ten(0.001, 0.001, workers=2)
    assert ten == pytest.approx(2_000)
    assert limit == "the store, which all of them share, at 2,000 in a second"
    ten, limit = at_ten(0.001, None, workers=2)
    assert ten is None
    assert limit == "not worked out: the processor time of the store cannot be seen from here"


async def test_servers_that_share_nothing_are_counted_together_and_memory_is_shared_with_nobody(tmp_path: Path) -> None:
    urls = {
        "jwt-hs256-admit": "none://",
        "session": "memory://throughput",
        "admit-cookie": f"sqlite:///{tmp_path}/a.db",
    }
    lanes: list[Running] = []
    # What the issuer keeps in a file is nothing to servers that need a key.
    stores = ("sqlite", "memory", "sqlite")
    for (id, url), store in zip(urls.items(), stores, strict=True):
        plan = Plan(id, url, bytes(range(32)))
        lanes.append(Running(STRATEGIES[id], plan, store, await STRATEGIES[id].issuer(plan)))  # type: ignore[arg-type]
    async with crew(2) as processes:
        stateless, memory, sqlite = await throughputs(lanes, processes, repeats=1, seconds=0.1)
        with pytest.raises(Unmeasured, match="verified nobody"):
            await throughputs(lanes[:1], processes, repeats=1, seconds=0)
    for lane in lanes:
        await lane.issuer.close()
    assert [sorted(one.by_servers) for one in (stateless, memory, sqlite)] == [[1, 2], [1], [1, 2]]
    assert all(rate.low > 0 for one in (stateless, memory, sqlite) for rate in one.by_servers.values())
    assert stateless.ten is not None
    assert stateless.limit.startswith("nothing that is shared")
    assert (memory.ten, sqlite.ten) == (None, None)


@pytest.mark.parametrize("kind", [kind for kind in SERVERS if kind in {"postgresql", "redis"}])
async def test_what_a_store_does_for_requests_is_seen(kind: str) -> None:
    plan = Plan("session", fresh(kind), bytes(32))
    strategy = STRATEGIES["session"]
    issuer, server, burden = await strategy.issuer(plan), await strategy.server(plan), await burden_of(plan.url)
    assert burden is not None
    header = (await issuer.sign_in("ann")).header
    used = [await burden.seconds()]
    for number in (100, 1_000):
        for _ in range(number):
            await server.verify(header)
        used.append(await burden.seconds())
    few, many = (after - before for before, after in itertools.pairwise(used))
    assert 0 < few < many < 60
    for one in (issuer, server, burden):
        await one.close()


def test_of_a_store_that_is_a_file_nobody_asks_what_it_does() -> None:
    assert asyncio.run(burden_of("sqlite:////nowhere/a.db")) is None


async def test_the_machine_is_told_with_all_versions() -> None:
    found = await machine([fresh(kind) for kind in SERVERS if kind in {"postgresql", "redis"}])
    assert found.processors > 0
    assert found.memory > 10**8
    assert found.processor
    assert {"Python", "SQLite", "Admit", "cryptography", "PyJWT"} <= found.versions.keys()
    if "postgresql" in SERVERS:
        assert "fsync off" in found.versions["PostgreSQL"]
    if "redis" in SERVERS:
        assert "appendonly" in found.versions["Redis"]


async def test_everybody_who_sends_requests_is_somebody_else() -> None:
    plan = Plan("session", "memory://people", bytes(32))
    issuer = await STRATEGIES["session"].issuer(plan)
    headers = await signed_in(issuer, 40)
    await issuer.close()
    assert len(set(headers)) == 40
