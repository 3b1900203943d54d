"""Many tasks that do the same to a store again and again, through the services that are used: how often in a second."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable

from admit import Authority, TokenPolicy
from admit.core.store import Store
from admit.sessions import Session, Started

TASKS = 64
ACTS = ("rotations", "session starts", "revocations")
READS = ("look-ups", "finds")


def authority(store: str | Store) -> Authority:
    """An authority on ``store``. The grace is 0, so that every refresh rotates."""
    return Authority(store, issuer="https://bench.example", tokens=TokenPolicy(grace=0), secret=bytes(range(32)))


class Busy:
    """An authority and as many families of tokens as there are tasks."""

    def __init__(self, store: str | Store) -> None:
        self._auth = authority(store)
        self._tokens: list[str] = []
        self._signed_in: list[Started] = []
        self._subjects = 0
        self._sessions: list[list[Session]] = [[] for _ in range(TASKS)]

    async def rate(self, act: str, seconds: float, tasks: int = TASKS) -> float:
        """How many a second there are when every task does ``act`` again and again."""
        while len(self._tokens) < TASKS:
            started = await self._started(len(self._tokens))
            self._signed_in.append(started)
            self._tokens.append((await self._auth.tokens.issue(started.session)).refresh_token)
        step = {
            "rotations": self._rotate,
            "session starts": self._start,
            "revocations": self._revoke,
            "look-ups": self._look_up,
            "finds": self._find,
        }[act]
        began = time.perf_counter()
        done = await _in_turns(step, seconds, tasks)
        return done / (time.perf_counter() - began)

    async def close(self) -> None:
        """Let go of the store."""
        await self._auth.close()

    async def _rotate(self, task: int) -> None:
        self._tokens[task] = (await self._auth.tokens.refresh(self._tokens[task])).refresh_token

    async def _start(self, task: int) -> None:
        self._sessions[task].append((await self._started(task)).session)

    async def _revoke(self, task: int) -> None:
        sessions = self._sessions[task]
        await self._auth.revoke(sessions.pop() if sessions else (await self._started(task)).session)

    async def _look_up(self, task: int) -> None:
        cookie = (self._signed_in[task].cookie or "").partition(";")[0].partition("=")[2]
        await self._auth.sessions.look_up(cookie, time.time())

    async def _find(self, task: int) -> None:
        session = self._signed_in[task].session
        if session.id not in {one.id for one in await self._auth.sessions.of(session.subject)}:
            raise RuntimeError("a session that is there was not found")

    async def _started(self, task: int) -> Started:
        # Another subject each time: of one, the session that was away longest would end at the limit.
        self._subjects += 1
        before = await self._auth.subjects.before(f"{os.getpid()}-{task}-{self._subjects}")
        return await self._auth.sessions.start(before.proven("pwd"))


async def _in_turns(step: Callable[[int], Awaitable[None]], seconds: float, tasks: int) -> int:
    """How often so many tasks do ``step`` until the time is over."""
    until = time.perf_counter() + seconds

    async def work(task: int) -> int:
        done = 0
        while time.perf_counter() < until:
            await step(task)
            done += 1
        return done

    return sum(await asyncio.gather(*map(work, range(tasks))))
