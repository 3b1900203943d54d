"""Faults that only a Redis can have, planted inside it, where its scripts run: the contract, green without, turns red."""

from __future__ import annotations

import pytest

from admit.stores import open_store, redis
from admit.stores.redis_lines import Script
from redises import Engine
from stores.test_the_contract_bites import caught_by

# The script, what stands in it in the place of what, and the check that must catch it.
INSIDE: dict[str, tuple[str, str, str, str]] = {
    "no version is looked at": (
        "_CHANGE", "if was ~= '' and", "if false and", "test_a_condition_conflicts_unless_that_version_is_there",
    ),
    "what is taken is written over": (
        "_MAKE", "if what == 'insert' and olds[n]", "if false", "test_an_insert_conflicts_when_its_key_is_taken",
    ),
    "half of a commit stays": (
        "_CHANGE", "~= was then return { n } end", "~= was then changes = n - 1 break end",
        "test_one_failing_change_undoes_all",
    ),
    "each log is written from its end": (
        "_LOG", "'XRANGE', ARGV[n], ARGV[n + 1], '+'", "'XREVRANGE', ARGV[n], '+', ARGV[n + 1]",
        "test_entries_come_in_the_order_of_the_commits",
    ),
    "the last entry goes too": ("_PURGE", "#lines - 1", "#lines", "test_a_quiet_log_keeps_its_last_entry"),
    "what is late goes at once": (
        "_MAKE", "if till == 'late' then", "if till == 'late' then till = '1'\n  elseif false then",
        "test_purge_takes_what_expired_more_than_a_day_ago",
    ),
    "a log has another name each time": (
        "_CHANGE", "last and last[1]:match('^%d+')", "last and history + tonumber(last[1]:match('^%d+'))",
        "test_a_position_that_was_purged_is_lost_as_trimmed",
    ),
    "a hit is counted twice": ("_COUNT", "'INCRBY', KEYS[1], hits", "'INCRBY', KEYS[1], hits * 2", "test_every_hit_is_counted"),
}  # fmt: skip


@pytest.mark.parametrize("fault", INSIDE)
async def test_a_fault_inside_the_server_is_caught(engine: Engine, fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    name, good, bad, bite = INSIDE[fault]
    script: Script = getattr(redis, name)
    assert good.encode() in script.source
    monkeypatch.setattr(redis, name, Script(script.source.replace(good.encode(), bad.encode())))
    assert await caught_by(lambda: open_store(engine.database()), bite), f"{bite} did not notice"
