"""An application server that is asked all the time: by people who watch whether they get in, or as fast as it goes."""

from __future__ import annotations

import asyncio
import itertools
import math
import time
from collections.abc import Sequence
from typing import Literal, Protocol

import msgspec

from admit.lab.strategy import Refused, Server, Unavailable

Header = tuple[str, str]

Outcome = Literal["in", "refused", "unavailable"]

PATIENCE = 5.0
"""Seconds that a question which has been asked may take to come back at the end."""

WARM_UP = 0.2
"""Of the seconds that are measured, so many more go before, in which nothing is counted."""

YIELD_EVERY = 64
"""Verifications between two chances for others: an application server has an event loop to serve, too."""


class Answer(msgspec.Struct, frozen=True, array_like=True):
    """What came of one request: whose, when it came and was answered (nanoseconds of ``time.monotonic_ns``), and how."""

    person: int
    began: int
    answered: int
    outcome: Outcome
    roles: tuple[str, ...] = ()


class Measured(msgspec.Struct, frozen=True):
    """What an application server did in so many ``seconds``: verifications, processor seconds, what it asked of others."""

    verified: int
    seconds: float
    cpu: float
    operations: int
    round_trips: int


class AppServer(Protocol):
    """An application server to measure, wherever it runs. Raises Unmeasured when it fails."""

    async def watch(self, groups: Sequence[Sequence[Header]], *, pause: float, limit: float = math.inf) -> None:
        """Ask for people from now on; they are numbered in the order of their headers.

        Those of a group ask one after the other and then pause so many seconds, each group by itself. After ``limit``
        seconds somebody takes it for unavailable and asks anew, while the server may still be at it.
        """

    async def renew(self, person: int, header: Header) -> None:
        """Somebody has another credential from now on."""

    async def tell(self) -> list[Answer]:
        """What has been answered since the last time, that of a group in its order."""

    async def rest(self) -> list[Answer]:
        """Ask no more; what has not been told yet."""

    async def measure(self, headers: Sequence[Header], *, seconds: float, at_once: int = 1) -> Measured:
        """Verify ``headers`` in turn for so many seconds, so many at once, all of which have to be accepted."""

    async def close(self) -> None:
        """Give back what the server holds."""


class Here:
    """An application server in this process."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._answers: list[Answer] = []
        self._headers: list[Header] = []
        self._known = set[Header]()
        self._asking: list[asyncio.Task[None]] = []
        self._forgotten: set[asyncio.Task[Answer]] = set()
        self._failed: BaseException | None = None
        self._resting = False

    async def watch(self, groups: Sequence[Sequence[Header]], *, pause: float, limit: float = math.inf) -> None:
        """Ask for people from now on; see AppServer."""
        self._resting = False
        self._headers = [header for group in groups for header in group]
        numbers = itertools.count()
        for place, group in enumerate(groups):
            people = [next(numbers) for _ in group]
            first = pause * place / len(groups)  # nobody waits for all the others
            self._asking.append(asyncio.create_task(self._ask_for(people, first, pause, limit)))

    async def renew(self, person: int, header: Header) -> None:
        """Somebody has another credential from now on."""
        self._headers[person] = header

    async def tell(self) -> list[Answer]:
        """What has been answered since the last time. Raises what a verification failed with."""
        for task in self._asking:
            if task.done() and not task.cancelled():
                task.result()
        if self._failed is not None:
            raise self._failed
        answers, self._answers = self._answers, []
        return answers

    async def rest(self) -> list[Answer]:
        """Ask no more. A question that was asked is waited for: nothing is torn down in the middle of a protocol."""
        self._resting = True
        if asked := {*self._asking, *self._forgotten}:
            _, late = await asyncio.wait(asked, timeout=PATIENCE)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late)
        try:
            return await self.tell()
        finally:
            self._asking, self._answers = [], []

    async def measure(self, headers: Sequence[Header], *, seconds: float, at_once: int = 1) -> Measured:
        """Verify ``headers`` in turn. Raises Refused, Unavailable."""
        for header in headers:
            if header not in self._known:
                # What it costs to see somebody for the first time is no part of what all other requests cost.
                await self._server.verify(header)
                self._known.add(header)
        await self._verify(headers, seconds * WARM_UP, at_once)
        count = self._server.count
        operations, round_trips, cpu = count.operations, count.round_trips, time.process_time_ns()
        began = time.perf_counter_ns()
        verified = await self._verify(headers, seconds, at_once)
        took = time.perf_counter_ns() - began
        return Measured(
            verified,
            took / 1e9,
            (time.process_time_ns() - cpu) / 1e9,
            count.operations - operations,
            count.round_trips - round_trips,
        )

    async def close(self) -> None:
        """Give back what the server holds."""
        await self.rest()
        await self._server.close()

    async def _verify(self, headers: Sequence[Header], seconds: float, at_once: int) -> int:
        until = time.perf_counter_ns() + int(seconds * 1e9)

        async def one(first: int) -> int:
            mine = itertools.cycle([*headers[first:], *headers[:first]])
            verified = 0
            while time.perf_counter_ns() < until:
                await self._server.verify(next(mine))
                verified += 1
                if verified % YIELD_EVERY == 0:
                    await asyncio.sleep(0)
            return verified

        firsts = [number * len(headers) // at_once for number in range(at_once)]
        return sum(await asyncio.gather(*map(one, firsts)))

    async def _ask_for(self, people: Sequence[int], first: float, pause: float, limit: float) -> None:
        await asyncio.sleep(first)
        while not self._resting:
            for person in people:
                header = self._headers[person]
                asked = self._ask(person, header) if limit == math.inf else self._ask_within(limit, person, header)
                self._answers.append(await asked)
            await asyncio.sleep(pause)

    async def _ask(self, person: int, header: Header) -> Answer:
        began = time.monotonic_ns()
        outcome: Outcome = "in"
        roles: tuple[str, ...] = ()
        try:
            roles = tuple(sorted((await self._server.verify(header)).roles))
        except Refused:
            outcome = "refused"
        except Unavailable:
            outcome = "unavailable"
        return Answer(person, began, time.monotonic_ns(), outcome, roles)

    async def _ask_within(self, limit: float, person: int, header: Header) -> Answer:
        began = time.monotonic_ns()
        asked = asyncio.create_task(self._ask(person, header))
        await asyncio.wait({asked}, timeout=limit)
        if asked.done():
            return asked.result()
        # Most servers do not hear that a client has hung up: the question goes on, and costs what it costs.
        self._forgotten.add(asked)
        asked.add_done_callback(self._forget)
        return Answer(person, began, time.monotonic_ns(), "unavailable")

    def _forget(self, asked: asyncio.Task[Answer]) -> None:
        self._forgotten.discard(asked)
        if not asked.cancelled():
            self._failed = self._failed or asked.exception()
