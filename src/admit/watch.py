"""Waits for principals to end: one task looks at the log while anybody waits, however many they are."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from admit.core import verdict
from admit.core.log import Copy
from admit.core.principal import Principal
from admit.core.verdict import Seen
from admit.core.world import Clock
from admit.errors import AdmitError, Denied, LostHistory, Stale, StoreError

LOOK_EVERY = 0.05
"""Seconds between two looks at the stamp."""

ASK_AGAIN = 1.0
"""Seconds after which a store that gave no answer is asked again."""

AT_ONCE = 1_000
"""How many principals are judged before others have a turn."""

Lasts = Callable[[Principal, float], Awaitable[float]]
"""When a principal ends if nothing happens, as known at a time. Raises Denied when it has ended, StoreError."""

FOREVER = float("inf")


class Watch:
    """Knows for each waiting principal when it is over; ``look`` makes the copy current, or raises."""

    def __init__(self, look: Callable[[], None], copy: Copy, clock: Clock) -> None:
        self._look = look
        self._copy = copy
        self._now = clock.now
        self._rounds: WeakKeyDictionary[asyncio.AbstractEventLoop, _Round] = WeakKeyDictionary()

    async def over(self, lasts: Lasts, who: Principal) -> None:
        """Return when ``who`` has ended."""
        here = self._rounds.setdefault(asyncio.get_running_loop(), _Round(self._look, self._copy, self._now))
        while True:
            try:
                # The read may be slow: what ends meanwhile is found by the judgement that begins the wait.
                until = await lasts(who, self._now())
            except Denied:
                return
            except (Stale, StoreError):
                until = self._now() + ASK_AGAIN
            if self._now() >= until or await here.ended(who, until):
                return


async def over_within(who: Principal, seconds: float) -> bool:
    """Whether ``who`` has ended; returns as soon as that is so, and after ``seconds`` at the latest."""
    try:
        async with asyncio.timeout(seconds):
            await who.over()
    except TimeoutError:
        return False
    return True


@dataclass(slots=True, eq=False)
class _Waiter:
    """Somebody who waits for ``who`` to end, or for ``until`` to come."""

    who: Principal
    until: float
    ended: asyncio.Future[bool]

    def tell(self, *, ended: bool) -> None:
        if not self.ended.done():
            self.ended.set_result(ended)


class _Round:
    """Those who wait on one event loop, and the task that looks for them."""

    def __init__(self, look: Callable[[], None], copy: Copy, now: Callable[[], float]) -> None:
        self._look = look
        self._copy = copy
        self._now = now
        self._waiting: set[_Waiter] = set()
        self._next = FOREVER
        self._judged_at: bytes | None = None
        self._task: asyncio.Task[None] | None = None

    async def ended(self, who: Principal, until: float) -> bool:
        """True as soon as ``who`` has ended, False when ``until`` has come."""
        if self._is_over(who):
            return True
        waiter = _Waiter(who, until, asyncio.get_running_loop().create_future())
        self._waiting.add(waiter)
        self._next = min(self._next, until)
        if self._task is None:
            self._task = asyncio.create_task(self._watch())
        try:
            return await waiter.ended
        finally:
            self._waiting.remove(waiter)
            if not self._waiting:
                self._task.cancel()
                self._task = None

    async def _watch(self) -> None:
        try:
            while True:
                await asyncio.sleep(LOOK_EVERY)
                await self._round()
        except Exception as error:  # noqa: BLE001 - nobody may wait for a task that is gone
            for waiter in self._waiting:
                waiter.ended.set_exception(error)

    async def _round(self) -> None:
        try:
            self._look()
        except LostHistory:
            # Nothing is verified any more, so nobody is known to be who he was.
            for waiter in self._waiting:
                waiter.tell(ended=True)
        except AdmitError:
            pass  # not the whole log yet, or no answer: the next look goes on
        else:
            if self._copy.stamp != self._judged_at:
                await self._judge_all()
        # Also when nobody can be asked what has ended: what expires, expires.
        now = self._now()
        if now >= self._next:
            self._next = min((waiter.until for waiter in self._waiting if waiter.until > now), default=FOREVER)
            for waiter in self._waiting:
                if waiter.until <= now:
                    waiter.tell(ended=False)

    async def _judge_all(self) -> None:
        """Judge everybody who waits by what is known now; who begins to wait meanwhile is judged by itself."""
        self._judged_at = self._copy.stamp
        for place, waiter in enumerate(tuple(self._waiting), 1):
            if self._is_over(waiter.who):
                waiter.tell(ended=True)
            if place % AT_ONCE == 0:
                await asyncio.sleep(0)

    def _is_over(self, who: Principal) -> bool:
        try:
            verdict.judge(Seen(who, FOREVER), self._copy, self._now())
        except Denied:
            return True
        return False
