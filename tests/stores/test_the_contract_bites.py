"""A store with a fault does not pass: each fault is planted around a good store, and the contract turns red."""

from __future__ import annotations

import asyncio
import inspect
import itertools
import secrets
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import engines
from admit.core.store import Store
from admit.stores import open_store
from admit.stores.wrapped import Wrapped
from admit.testing import StoreContract
from admit.testing.contract import Make
from stores import faults
from stores.faults import Fault

PATIENCE = 120.0

# What must catch it; others may too.
BITES: dict[Fault, str] = {
    faults.NoVersionCheck: "test_a_condition_conflicts_unless_that_version_is_there",
    faults.VersionRestarts: "test_a_version_does_not_return_with_its_key",
    faults.NoCopyOnWrite: "test_what_was_handed_out_does_not_change",
    faults.OldNews: "test_what_was_committed_is_what_the_next_read_sees",
    faults.TagsLeftBehind: "test_tags_follow_their_record",
    faults.HalfACommit: "test_one_failing_change_undoes_all",
    faults.EntriesOfFailedCommits: "test_a_commit_that_failed_is_not_in_the_log",
    faults.LogOutOfOrder: "test_entries_come_in_the_order_of_the_commits",
    faults.LateEntries: "test_who_follows_the_log_misses_nothing",
    faults.AnyCursor: "test_a_position_of_another_history_is_lost",
    faults.NothingIsTrimmed: "test_a_position_that_was_purged_is_lost_as_trimmed",
    faults.HungryPurge: "test_purge_takes_what_expired_more_than_a_day_ago",
    faults.PurgeOfTheLast: "test_a_quiet_log_keeps_its_last_entry",
    faults.PageThatSkips: "test_what_is_there_during_a_walk_is_met_once_whatever_is_written",
    faults.OrderOfItsOwn: "test_ids_of_our_making_come_in_their_order_from_any_place",
    faults.TornSnapshot: "test_one_get_is_one_moment",
    faults.ChecksAreIgnored: "test_a_condition_conflicts_unless_that_version_is_there",
    faults.JudgesExpiry: "test_expired_records_are_still_there",
    faults.TriesAgain: "test_one_failing_change_undoes_all",
    faults.LostHits: "test_no_hit_is_lost_among_a_hundred_at_once",
    faults.OneWindowForAll: "test_a_new_window_begins_at_nothing",
    faults.StampStandsStill: "test_an_entry_that_was_not_read_moves_the_stamp",
    faults.DumpWithoutTheLog: "test_a_dump_has_everything_as_it_was_written",
    faults.TornDump: "test_a_dump_is_of_one_moment_or_says_that_it_is_not",
    faults.StampNeverRests: "test_an_entry_that_was_not_read_moves_the_stamp",
}

# A store behind a network has no stamp that could stand still.
ON_POSTGRESQL = {
    fault: bite for fault, bite in BITES.items() if fault not in {faults.StampStandsStill, faults.StampNeverRests}
}
# A Redis takes its records away by itself: a purge that is too early shows in the log. A dump of it is read in parts, and
# says so already.
ON_REDIS = {fault: bite for fault, bite in ON_POSTGRESQL.items() if fault is not faults.TornDump}
ON_REDIS[faults.HungryPurge] = "test_an_entry_stays_for_a_day_after_its_time"

ON = {"memory": BITES, "sqlite": BITES, "postgresql": ON_POSTGRESQL, "redis": ON_REDIS, "valkey": ON_REDIS}
CASES = [
    pytest.param(kind, fault, bite, id=f"{kind}-{fault.__name__}")
    for kind in ("memory", "sqlite", *engines.SERVERS)
    for fault, bite in ON[kind].items()
]


def good_store(kind: str, folder: Path) -> Store:
    """A new store without a fault."""
    if kind in engines.SERVERS:
        return open_store(engines.fresh(kind))
    return open_store("memory://" if kind == "memory" else f"sqlite:///{folder}/{secrets.token_hex(4)}.db")


@pytest.mark.parametrize("kind,fault,bite", CASES)
async def test_a_fault_is_caught(kind: str, fault: Fault, bite: str, tmp_path: Path) -> None:
    good = partial(good_store, kind, tmp_path)
    if kind == "memory":  # that each of the others keeps the contract is a test of its own
        assert await caught_by(lambda: Wrapped(good()), bite) == [], "the contract is red without the fault"
    assert await caught_by(lambda: fault(good()), bite), f"{bite} did not notice"


async def caught_by(make: Make, check: str) -> list[BaseException]:
    """What one check of the contract has against the stores of ``make``, over all of its parameters."""
    against: list[BaseException] = []
    function = getattr(StoreContract(), check)
    for values in _parameters(function):
        async with _stores(make) as tracked:
            store = tracked()
            await store.open()
            given = {"store": store, "make": tracked, **values}
            wanted = inspect.signature(function).parameters
            try:
                async with asyncio.timeout(PATIENCE):
                    await function(**{name: given[name] for name in wanted})
            except (Exception, pytest.fail.Exception) as error:  # noqa: BLE001 - red is red
                against.append(error)
    return against


def _parameters(function: Callable[..., Awaitable[None]]) -> list[dict[str, Any]]:
    """Every combination of what ``pytest.mark.parametrize`` says about a check."""
    axes = [
        [{mark.args[0]: value} for value in mark.args[1]]
        for mark in getattr(function, "pytestmark", [])
        if mark.name == "parametrize"
    ]
    return [{name: value for part in parts for name, value in part.items()} for parts in itertools.product(*axes)]


@asynccontextmanager
async def _stores(make: Make) -> AsyncGenerator[Make]:
    """``make``, of whose stores none stays open: a check that is red closes nothing."""
    made: list[Store] = []

    def tracked() -> Store:
        made.append(make())
        return made[-1]

    try:
        yield tracked
    finally:
        for store in made:
            await store.close()
