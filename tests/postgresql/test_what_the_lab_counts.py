"""What the lab counts of a PostgreSQL is how often somebody waits for its answer, as a relay in between sees it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from admit.lab.strategy import Count
from admit.lab.tables import open_table
from admit.lab.tables.table import Row
from postgres import Engine

READS = 20
WAITED = {ord("S"): "Sync", ord("Q"): "Query"}
"""What a client sends before it waits (PostgreSQL 15, section 55.2)."""


class Passing(asyncio.Protocol):
    """Hands what comes on one line to the other; messages of a client are looked at one by one, the first has no kind."""

    def __init__(self, waited: list[str] | None = None) -> None:
        self._waited = waited
        self._seen = bytearray(b"\0")
        self._early: list[bytes] = []
        self._to: asyncio.Transport | None = None

    def joined(self, to: asyncio.Transport) -> None:
        self._to = to
        to.writelines(self._early)

    def data_received(self, data: bytes) -> None:
        if self._to is None:
            self._early.append(data)
        else:
            self._to.write(data)
        self._seen += data
        while self._waited is not None and len(self._seen) > 5:
            size = int.from_bytes(self._seen[1:5]) + 1
            if len(self._seen) < size:
                break
            self._waited += [WAITED[kind] for kind in self._seen[:1] if kind in WAITED]
            del self._seen[:size]


@asynccontextmanager
async def relay(port: int) -> AsyncIterator[tuple[int, list[str]]]:
    """Where to connect, and each time that somebody waits for an answer."""
    waited: list[str] = []
    lines: list[asyncio.Transport] = []
    joining: list[asyncio.Task[None]] = []
    loop = asyncio.get_running_loop()

    class Client(Passing):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            assert isinstance(transport, asyncio.Transport)
            joining.append(loop.create_task(self.join(transport)))

        async def join(self, client: asyncio.Transport) -> None:
            back = Passing()
            server, _ = await loop.create_connection(lambda: back, "127.0.0.1", port)
            lines.extend((client, server))
            back.joined(client)
            self.joined(server)

    server = await loop.create_server(lambda: Client(waited), "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], waited
    finally:
        server.close()
        await asyncio.gather(*joining)
        for line in lines:
            line.abort()
        await asyncio.sleep(0)  # a transport that is aborted closes its socket in the next turn of the loop


async def test_a_read_is_one_round_trip_and_is_counted_as_one(engine: Engine) -> None:
    url, count = engine.database(), Count()
    async with relay(engine.port) as (here, waited):
        table = await open_table(f"{url.replace(str(engine.port), str(here))}?sslmode=disable", "some-rows", count)
        await table.put(Row(key=b"1", subject="ann", roles="user", expires_at=int(time.time()) + 600))
        await table.get(b"1")  # the first time it is prepared, and that is waited for too
        before, waited_before = Count(count.operations, count.round_trips), len(waited)
        for _ in range(READS):
            await table.get(b"1")
        assert len(waited) - waited_before == READS
        assert (count.operations - before.operations, count.round_trips - before.round_trips) == (READS, READS)
        await table.close()
