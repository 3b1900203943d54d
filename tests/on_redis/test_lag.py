"""A primary that is cut off, while another takes its place, goes on answering for a while: receipts count with it (REV-01)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from admit.core.lease import CLOCKS_RUN
from admit.stores import examine, open_store
from admit.stores.memory import MemoryStore
from admit.stores.observed import Observed
from admit.stores.redis_fitness import State
from processes.acts import SECRET, act, authority, sign_in, sign_up, verify
from redises import REPLICATED, Engine, eventually, redis

BOUND = 0.3
MOST = 2.0
TIMEOUT = 1.0
LAG = MOST + 2.0 + TIMEOUT
OPTIONS = f"?replicas=1&timeout={TIMEOUT:g}"


@pytest.fixture
def four() -> Iterator[list[Engine]]:
    """A primary, a replica of it, another one, and one that follows that."""
    settings = {name.replace("-", "_"): value for name, value in REPLICATED.items()}
    settings["min_replicas_max_lag"] = f"{MOST:g}"
    with ExitStack() as stack:
        primary = stack.enter_context(redis(**settings))
        one, two = (stack.enter_context(redis(**settings, replicaof=f"127.0.0.1 {primary.port}")) for _ in range(2))
        last = stack.enter_context(redis(**settings, replicaof=f"127.0.0.1 {two.port}"))
        eventually(lambda: primary.says("replication").get("min_slaves_good_slaves") == "2")
        eventually(lambda: "state=online" in two.says("replication").get("slave0", ""), lambda: last.log)
        yield [primary, one, two, last]


async def test_nobody_is_accepted_later_than_the_receipt_says_by_a_primary_that_is_cut_off(
    four: list[Engine], record_property: Callable[[str, str], None]
) -> None:
    primary, one, two, _ = four
    async with authority(primary.url(OPTIONS), secret=SECRET, max_staleness=BOUND) as cut_off:
        await sign_up(cut_off)
        held = await sign_in(cut_off)

        async def accepts() -> bool:
            outcome = await act(verify, held.pair.access_token, "token").outcome(cut_off)
            assert outcome.error in {"", "Stale", "Revoked"}
            return not outcome.error

        await cut_off.admit(held.requests()["access token"])
        offset = int(primary.says("replication")["master_repl_offset"])
        eventually(lambda: int(two.says("replication")["slave_repl_offset"]) >= offset)
        with one.stopped():  # as who is cut off from it sees it
            two.run("REPLICAOF", "NO", "ONE")
            async with authority(two.url(OPTIONS), secret=SECRET) as there:
                began = time.time()
                receipt = await there.revoke(held.session)
                ended = time.time()
                last = ended
                while primary.says("replication")["min_slaves_good_slaves"] != "0" or await accepts():
                    if await accepts():
                        last = time.time()
                    await asyncio.sleep(0.02)
    record_property("note", f"accepted {last - ended:.2f} s after its end; the receipt says {LAG + BOUND:.2f}")
    assert receipt.effective_by - LAG - BOUND * CLOCKS_RUN == pytest.approx(
        (began + ended) / 2, abs=ended - began + 0.01
    )
    assert last < receipt.effective_by


@pytest.mark.parametrize(
    "settings, info, seconds",
    [
        (("1", "10"), {}, 13.0),
        (("0", "10"), {}, 0.0),
        (("1", "0"), {}, 0.0),
        (None, {"min_slaves_good_slaves": "1"}, 13.0),
        (None, {}, 0.0),
    ],
    ids=["fenced", "not fenced", "for ever", "fenced and hosted", "hosted"],
)
def test_it_is_as_long_as_a_primary_may_do_without_its_replicas(
    settings: tuple[str, str] | None, info: dict[str, str], seconds: float
) -> None:
    names = ("min-replicas-to-write", "min-replicas-max-lag")
    state = State(info, dict(zip(names, settings, strict=True)) if settings else {}, 0.0)
    assert state.lag(timeout=1.0) == seconds


async def test_whatever_wraps_a_store_says_how_far_behind_it_may_be(four: list[Engine]) -> None:
    store = open_store(four[0].url(OPTIONS))
    assert (store.lag, MemoryStore().lag) == (0.0, 0.0)
    await store.open()
    await store.close()
    assert (store.lag, Observed(store, []).lag) == (LAG, LAG)


async def test_doctor_says_how_much_later_what_has_ended_is_over_for_certain(four: list[Engine]) -> None:
    [said] = [one.said for one in (await examine(four[0].url(OPTIONS))).findings if one.what == "failover"]
    assert f"receipts count with {LAG:g} s more" in said
