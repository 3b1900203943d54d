"""Which Redis server is the primary of a home: the one that was named, the one Sentinel names, or a node of a Cluster."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

from redis.crc import key_slot
from redis.exceptions import RedisError

from admit.errors import StoreUnavailable
from admit.stores.redis_lines import Lines, Route, said
from admit.stores.redis_place import Place, Server

_WHERE = 1.0
"""Seconds that one of several servers may take to say where the primary is."""


def route_of(place: Place) -> Route:
    """How the servers of ``place`` are found."""
    match place.shape:
        case "one":
            return Named(place)
        case "sentinel":
            return Sentinels(place)
        case "cluster":
            return Nodes(place)


class Named:
    """One server, which is the primary or nothing."""

    def __init__(self, place: Place) -> None:
        [self._server] = place.servers

    async def server(self, lines: Lines, home: str) -> Server:
        """The only one."""
        del lines, home
        return self._server

    def forget(self) -> None:
        """There is no other."""


class Sentinels:
    """The primary that a Sentinel knows under a name; asked again after each failure."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._known: Server | None = None

    async def server(self, lines: Lines, home: str) -> Server:
        """Whom the first Sentinel that answers names."""
        del home
        if self._known is None:
            said = "nobody answers"
            for sentinel in self._place.servers:
                with suppress(RedisError, OSError, TimeoutError):
                    found = await asked(lines, sentinel, self._place.sentinel_password or "", *self._question)
                    if found:
                        self._known = found[0].decode(), int(found[1])
                        return self._known
                    said = f"{self._place.name!r} is not known"
            raise StoreUnavailable(f"Redis Sentinel: {said}")
        return self._known

    def forget(self) -> None:
        """Ask anew."""
        self._known = None

    @property
    def _question(self) -> tuple[str, str, str]:
        return "SENTINEL", "GET-MASTER-ADDR-BY-NAME", self._place.name


class Nodes:
    """The nodes of a Cluster, by the slots that they say they keep."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._known: dict[range, Server] = {}
        self._nodes: set[Server] = set(place.servers)
        self._slots: dict[str, int] = {}

    async def server(self, lines: Lines, home: str) -> Server:
        """Whoever keeps the slot of ``home``."""
        slot = self._slots.get(home)
        if slot is None:
            slot = self._slots[home] = int(key_slot(f"{{{home}}}".encode()))
        if not self._known:
            await self._learn(lines)
        for slots, server in self._known.items():
            if slot in slots:
                return server
        self.forget()
        raise StoreUnavailable(f"Redis Cluster: no node keeps slot {slot}")

    def forget(self) -> None:
        """Ask anew."""
        self._known = {}

    async def _learn(self, lines: Lines) -> None:
        said = "nobody answers"
        for node in (*self._nodes, *(server for server in self._place.servers if server not in self._nodes)):
            try:
                found: list[Any] = await asked(lines, node, None, "CLUSTER", "SLOTS")
            except (RedisError, OSError, TimeoutError) as error:
                said = f"{type(error).__name__}: {error}"
                continue
            self._known = {
                range(first, last + 1): ((primary[0] or b"").decode() or node[0], primary[1])
                for first, last, primary, *_ in found
            }
            self._nodes = {((one[0] or b"").decode() or node[0], one[1]) for row in found for one in row[2:]}
            if self._known:
                return
        raise StoreUnavailable(f"Redis Cluster: {said}")


async def asked(lines: Lines, server: Server, password: str | None, *words: str) -> Any:
    """What one server answers, on a connection of its own. Raises RedisError, OSError."""
    async with asyncio.timeout(_WHERE):  # another one may be quicker
        line = await lines.connected(server, password, db=0)
        try:
            return await said(line, *words)
        finally:
            await line.disconnect(nowait=True)
