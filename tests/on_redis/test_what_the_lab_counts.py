"""What the lab counts of a Redis is what that Redis was asked."""

from __future__ import annotations

import time
from typing import Any

from redis import Redis

from admit.lab.strategy import Count
from admit.lab.tables import open_table
from admit.lab.tables.table import Row
from redises import Engine

READS = 20


async def test_commands_are_counted_as_they_are_sent_and_what_goes_together_is_one_round_trip(engine: Engine) -> None:
    url, count = engine.database(), Count()
    table = await open_table(url, "some-rows", count)
    rows = [Row(key=key, subject="ann", roles="user", expires_at=int(time.time()) + 600) for key in (b"1", b"2", b"3")]
    await table.put(rows[0])
    with Redis(port=engine.port) as asked:
        asked.config_resetstat()
        before = Count(count.operations, count.round_trips)
        for _ in range(READS):
            await table.get(b"1")
        await table.put(*rows[1:])
        stats: Any = asked.info("commandstats")
    calls = {name.removeprefix("cmdstat_"): found["calls"] for name, found in stats.items()}
    assert calls["get"] == READS
    sent = sum(number for name, number in calls.items() if not name.startswith("config"))
    assert count.operations - before.operations == sent
    assert count.round_trips - before.round_trips == READS + 1
    await table.close()
