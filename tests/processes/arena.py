"""One race harness for all that may happen once: tasks, threads or two processes, set off at one instant."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any, Protocol

import engines
from admit.authority import Authority
from admit.core.store import Key, Record
from admit.stores.memory import MemoryStore
from processes.acts import SECRET, Act, Outcome, act, authority, catch_up
from processes.crew import PATIENCE, Crew, Line, Member

GROUNDS = ("tasks", "threads", "processes", *engines.SERVERS)
"""Memory and one event loop; memory and two threads; SQLite and two processes; two processes over each server."""


class _Polite(MemoryStore):
    """Lets everybody else have a turn between a read and what is made of it."""

    async def get(self, *keys: Key) -> list[Record | None]:
        found = await super().get(*keys)
        await asyncio.sleep(0)
        return found


class Arena(Protocol):
    """Two sides over one store, and ``auth``, by which the test itself looks at it."""

    auth: Authority

    async def race(self, one: Sequence[Act], other: Sequence[Act]) -> list[Outcome]:
        """How the acts of both sides came out, all begun at one instant, in their order."""


async def _all(auth: Authority, acts: Sequence[Act]) -> list[Outcome]:
    return await asyncio.gather(*(act.outcome(auth) for act in acts))


class _Tasks:
    def __init__(self, auth: Authority) -> None:
        self.auth = auth

    async def race(self, one: Sequence[Act], other: Sequence[Act]) -> list[Outcome]:
        return await _all(self.auth, (*one, *other))


class _Threads:
    def __init__(self, auth: Authority) -> None:
        self.auth = auth

    async def race(self, one: Sequence[Act], other: Sequence[Act]) -> list[Outcome]:
        start = threading.Barrier(2, timeout=PATIENCE)

        def side(acts: Sequence[Act]) -> list[Outcome]:
            start.wait()
            return asyncio.run(_all(self.auth, acts))

        both = await asyncio.gather(asyncio.to_thread(side, one), asyncio.to_thread(side, other))
        return [*both[0], *both[1]]


class _Processes:
    def __init__(self, auth: Authority, members: Sequence[Member]) -> None:
        self.auth = auth
        self._members = members

    async def race(self, one: Sequence[Act], other: Sequence[Act]) -> list[Outcome]:
        outcomes = await self._race(one, other)
        if self.auth._ledger.store.tail is None:
            # What has ended is over for others within the bound: what is asked next is asked after it.
            for outcome in (
                *await self._race([act(catch_up)], [act(catch_up)]),
                *await _all(self.auth, [act(catch_up)]),
            ):
                assert outcome.reason == ""
        return outcomes

    async def _race(self, one: Sequence[Act], other: Sequence[Act]) -> list[Outcome]:
        for member, acts in zip(self._members, (one, other), strict=True):
            member.say(acts)
        return [outcome for member in self._members for outcome in await member.hear()]


async def side(line: Line, start: Barrier, url: str, settings: dict[str, Any]) -> None:
    """One of two processes over the same database."""
    async with authority(url, **settings) as auth:
        line.say("ready")
        while True:
            acts = line.hear()
            start.wait()
            line.say(await _all(auth, acts))


def database(ground: str, path: Path) -> str:
    """The URL of a new store for processes: at ``path`` if it is a file."""
    return f"sqlite:///{path}" if ground == "processes" else engines.fresh(ground)


@asynccontextmanager
async def arena(ground: str, folder: Path, **settings: Any) -> AsyncGenerator[Arena]:
    """An arena of that kind, with authorities of those settings."""
    if ground in {"tasks", "threads"}:
        async with authority(_Polite(), **settings) as auth:
            yield _Tasks(auth) if ground == "tasks" else _Threads(auth)
        return
    url = database(ground, folder / "admit.db")
    settings = {"secret": SECRET, **settings}
    async with authority(url, **settings) as auth, Crew() as crew:
        start = crew.barrier(2)
        members = [crew.start(side, start, url, settings) for _ in range(2)]
        for member in members:
            assert await member.hear() == "ready"
        yield _Processes(auth, members)
