"""What can break between application servers and what they ask: a network, a server, a file, or nothing at all."""

from __future__ import annotations

import logging
import sqlite3
from pathlib import Path
from typing import Protocol

from admit.lab.relay import LATE, Relay, relayed
from admit.lab.report import Fault
from admit.lab.strategy import Fronted, Issuer, Plan, Store, Strategy, Unmeasured
from admit.lab.tables.sqlite import path_of

PORTS = {"postgresql": 5432, "redis": 6379}
"""Where those listen whose URL names no port."""

ASIDE = ".aside"
"""What the names of files end in while they are gone."""


# What is broken on purpose is no news: whoever has not asked for logs is not to read it between two lines of a report.
for name in ("admit", "asyncpg"):
    logging.getLogger(name).addHandler(logging.NullHandler())


class Site(Protocol):
    """What application servers ask, and what may happen to it."""

    url: str
    """What they are told to ask, so that it can be broken."""

    async def fails(self, fault: Fault) -> None:
        """Break it."""

    async def heals(self) -> None:
        """Let it be as it was."""

    async def close(self) -> None:
        """Leave nothing broken."""


FAULTS: dict[Store, dict[Fault, str]] = {
    "postgresql": {
        "slow": f"each answer of the database arrives {LATE * 1e3:.0f} ms later",
        "gone": "its connections break, and new ones are refused",
        "cut": "nothing arrives on its connections any more, and nobody is told",
    },
    "sqlite": {
        "slow": "another process holds the write lock of the database",
        "gone": "the files of the database are not where they were",
    },
    "none": {"gone": "whatever is broken elsewhere: the application servers ask nobody"},
    "memory": {},
}
"""What each store can suffer, and what is done then. Memory is in the process: what breaks it ends that, too."""
FAULTS["redis"] = FAULTS["postgresql"]

NOTES: dict[tuple[Store, Fault], str] = {
    ("sqlite", "gone"): (
        "A file that was moved away can be read on by whoever has it open: a server that only looks up a session notices "
        "nothing, and would not notice either what is ended in a file that took its place. Admit looks whether the file "
        "is still where it was, and lets nobody in until it is started again, though the same file came back."
    ),
}
"""What has to be known to judge what people see of a fault."""

AUTHORITY: dict[Fault, str] = {
    "slow": f"each answer of the authority arrives {LATE * 1e3:.0f} ms later",
    "gone": "connections to the authority break, and new ones are refused",
    "cut": "nothing arrives on connections to the authority any more, and nobody is told",
}
"""The same, where application servers ask an authority and no store."""


def faults_of(strategy: Strategy, store: Store) -> dict[Fault, str]:
    """What can break between application servers and what they ask, and what is done then."""
    return AUTHORITY if isinstance(strategy, Fronted) else FAULTS[store]


def goes_on(strategy: Strategy, store: Store, fault: Fault) -> bool:
    """Whether people can be ended while it lasts: where the store fails, they cannot; over a network, elsewhere."""
    return isinstance(strategy, Fronted) or store == "none" or (store in PORTS and fault != "gone")


async def opened(strategy: Strategy, plan: Plan, store: Store) -> tuple[Issuer, Site]:
    """The issuer, and what stands between it and its servers, in front of a break. Raises StoreError, Unmeasured."""
    if not isinstance(strategy, Fronted):
        broken = await site(store, plan.url)
        try:
            return await strategy.issuer(plan), broken
        except BaseException:
            await broken.close()
            raise
    relay = Relay()
    await relay.open()
    try:
        issuer = await strategy.issuer_at(plan, reached=relay.port)
    except BaseException:
        await relay.close()
        raise
    relay.target = "127.0.0.1", issuer.listens_at
    return issuer, _Networked(issuer.asked_at, relay)


async def site(store: Store, url: str) -> Site:
    """What ``url`` names, in front of a break. Raises Unmeasured."""
    if store in PORTS:
        return await _Networked.at(url, PORTS[store])
    return File(url) if store == "sqlite" else _Nothing(url)


class _Networked:
    def __init__(self, url: str, relay: Relay) -> None:
        self.url = url
        self._relay = relay

    @classmethod
    async def at(cls, url: str, port: int) -> _Networked:
        relay, by_way_of_it = await relayed(url, default_port=port)
        return cls(by_way_of_it, relay)

    async def fails(self, fault: Fault) -> None:
        await self._relay.turn(fault)

    async def heals(self) -> None:
        await self._relay.turn("passes")

    async def close(self) -> None:
        await self._relay.close()


class File:
    """An SQLite database: somebody holds its lock, or its files are moved away."""

    def __init__(self, url: str) -> None:
        self.url = url
        # As whoever opens it reads the URL: to find another file in it would be to move away somebody else's.
        self._path = path_of(url.partition("://")[2])
        self._lock: sqlite3.Connection | None = None

    async def fails(self, fault: Fault) -> None:
        """Break it. Raises Unmeasured when others write for too long."""
        if fault == "gone":
            for file in self._files():
                file.rename(f"{file}{ASIDE}")
            return
        self._lock = sqlite3.connect(self._path, timeout=5.0, isolation_level=None)
        try:
            self._lock.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            raise Unmeasured(f"the write lock was not to be had: {error}") from error

    async def heals(self) -> None:
        """Give back the lock, or the files; of what was made in their place meanwhile, nothing stays."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None
        if aside := [file for file in self._files() if file.name.endswith(ASIDE)]:
            for file in self._files():
                if file not in aside:
                    file.unlink()
            for file in aside:
                file.rename(str(file).removesuffix(ASIDE))

    async def close(self) -> None:
        """As it was."""
        await self.heals()

    def _files(self) -> list[Path]:
        name = self._path.name
        beside = [file for file in self._path.parent.iterdir() if file.name.startswith((f"{name}-", f"{name}."))]
        return [*beside, *([self._path] if self._path.exists() else [])]


class _Nothing:
    def __init__(self, url: str) -> None:
        self.url = url

    async def fails(self, fault: Fault) -> None:
        """There is nothing to break."""

    async def heals(self) -> None:
        """Nor to heal."""

    async def close(self) -> None:
        """Nothing is held."""
