"""A TCP relay in front of a server: it passes everything, answers late, is gone, or swallows all without a word."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Literal
from urllib.parse import urlsplit, urlunsplit

from admit.lab.strategy import Unmeasured

Mood = Literal["passes", "slow", "gone", "cut"]

LATE = 0.4
"""Seconds that each answer takes longer where the server is slow."""

CHUNK = 65_536


class Relay:
    """Listens at a port of this machine on behalf of a server elsewhere.

    ``slow``: what the server says arrives :data:`LATE` later. ``gone``: connections break and new ones are refused, as by
    a machine whose server was stopped. ``cut``: nothing arrives any more on either side, and nobody is told; what was
    sent meanwhile arrives afterwards, as TCP sends it again. New connections seem to come about, and nobody answers.
    """

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        self.target = host, port
        self._mood: Mood = "passes"
        self._changed = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._pairs: set[asyncio.Task[None]] = set()
        self.port = 0

    async def open(self) -> None:
        """Listen: at the same port again, if it is not the first time."""
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self.port, limit=CHUNK)
        self.port = self._server.sockets[0].getsockname()[1]

    async def turn(self, mood: Mood) -> None:
        """Be so from now on."""
        before, self._mood = self._mood, mood
        self._changed.set()
        self._changed = asyncio.Event()
        if mood == "gone":
            await self._vanish()
        elif before == "gone":
            await self.open()

    async def close(self) -> None:
        """Break all connections."""
        self._mood = "gone"
        await self._vanish()

    async def _vanish(self) -> None:
        if self._server is not None:
            self._server.close()
        pairs = list(self._pairs)
        for pair in pairs:
            pair.cancel()
        if pairs:
            await asyncio.wait(pairs)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        pair = asyncio.current_task()
        assert pair is not None
        self._pairs.add(pair)
        try:
            await self._pass_on(reader, writer)
        except asyncio.CancelledError:
            pass  # by _vanish; asyncio would log it as a fault
        finally:
            self._pairs.discard(pair)
            writer.transport.abort()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._not_cut()
            there, towards = await asyncio.open_connection(*self.target, limit=CHUNK)
            try:
                async with asyncio.TaskGroup() as both:
                    both.create_task(self._passed_on(reader, towards, lambda: 0.0))
                    both.create_task(self._passed_on(there, writer, lambda: LATE if self._mood == "slow" else 0.0))
            finally:
                towards.transport.abort()
        except* OSError:
            pass  # that it broke is what whoever was connected is going to see

    async def _passed_on(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, late: Callable[[], float]
    ) -> None:
        """All that is read, in its order, each piece when it is due; the end of it, too."""
        pieces = asyncio.Queue[tuple[float, bytes]]()

        async def read() -> None:
            piece = b"-"
            while piece:
                piece = await reader.read(CHUNK)
                pieces.put_nowait((time.monotonic() + late(), piece))

        async def write() -> None:
            while True:
                due, piece = await pieces.get()
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                await self._not_cut()
                if not piece:
                    break
                writer.write(piece)
                await writer.drain()
            writer.write_eof()

        async with asyncio.TaskGroup() as both:
            both.create_task(read())
            both.create_task(write())

    async def _not_cut(self) -> None:
        while self._mood == "cut":
            await self._changed.wait()


async def relayed(url: str, *, default_port: int) -> tuple[Relay, str]:
    """A relay in front of the server that ``url`` names, and the same URL by way of it. Raises Unmeasured."""
    parts = urlsplit(url)
    try:
        host, port = parts.hostname, parts.port or default_port
    except ValueError as error:
        raise Unmeasured(f"a relay stands in front of one server, and {parts.scheme}:// names several") from error
    if not host or "," in host or "+" in parts.scheme:
        raise Unmeasured(f"a relay stands in front of one server, which {parts.scheme}:// does not name")
    if parts.scheme == "rediss" or "sslmode=verify-full" in parts.query:
        raise Unmeasured("a relay cannot stand in front of a server whose certificate has to bear its name")
    relay = Relay(host, port)
    await relay.open()
    person, at, _ = parts.netloc.rpartition("@")
    return relay, urlunsplit(parts._replace(netloc=f"{person}{at}127.0.0.1:{relay.port}"))
