"""Reads that are asked for at the same time, asked together: behind a network each question costs more than its answer."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Awaitable, Callable, Sequence

from admit.core.store import Key, Record
from admit.errors import AdmitError, StoreUnavailable

UNDER_WAY = 2
"""Questions under way at once: who comes meanwhile goes with the next."""

TOGETHER = 256
"""Keys of a question, or as many as one asks for."""

Ask = Callable[[Sequence[Key]], Awaitable[list[Record | None]]]
"""The records of keys, as they were at one moment."""


class Together:
    """Asks ``ask`` for what several want, in one question that begins after the last of them came. For one event loop."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._wanted: list[tuple[Sequence[Key], asyncio.Future[list[Record | None]]]] = []
        self._under_way: set[asyncio.Task[None]] = set()

    async def get(self, keys: Sequence[Key]) -> list[Record | None]:
        """The records of ``keys`` at one moment. Raises StoreError."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[list[Record | None]] = loop.create_future()
        self._wanted.append((keys, answer))
        if len(self._wanted) == 1:
            loop.call_soon(self._go)  # whoever asks in the same turn of the loop comes along
        return await answer

    def _go(self) -> None:
        while self._wanted and len(self._under_way) < UNDER_WAY:
            task = asyncio.create_task(self._asked(self._next()))
            self._under_way.add(task)
            task.add_done_callback(self._came_back)

    def _came_back(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        self._go()

    def _next(self) -> list[tuple[Sequence[Key], asyncio.Future[list[Record | None]]]]:
        """Those who go together: the first, and who else there is room for."""
        keys = number = 0
        for wanted, _ in self._wanted:
            keys += len(wanted)
            if number and keys > TOGETHER:
                break
            number += 1
        going, self._wanted = self._wanted[:number], self._wanted[number:]
        return going

    async def _asked(self, going: list[tuple[Sequence[Key], asyncio.Future[list[Record | None]]]]) -> None:
        failed: AdmitError | None = None
        records: list[Record | None] = []
        try:
            records = await self._ask([key for keys, _ in going for key in keys])
        except AdmitError as error:
            failed = error
        finally:
            # However it ended, nobody is left waiting.
            first = 0
            for keys, answer in going:
                last = first + len(keys)
                if not answer.done():  # who asked may have gone
                    if last <= len(records):
                        answer.set_result(records[first:last])
                    else:
                        answer.set_exception(_own(failed))
                first = last


def _own(failed: AdmitError | None) -> AdmitError:
    """The failure for one of those who asked: one that all of them raised would bear what each was at."""
    if failed is None:
        return StoreUnavailable("the question was given up")
    own = copy.copy(failed)
    own.__cause__ = failed.__cause__
    return own
