"""The end of a log that lies behind a network, as the authority's own process sees it: followed, and proven by a lease."""

from __future__ import annotations

import asyncio
import os
import weakref
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from admit.core.lease import Bounded, Lease, Moment
from admit.core.log import Copy
from admit.core.store import REVOCATIONS, Cursor, Page, Store
from admit.core.world import Chance, Clock
from admit.errors import AdmitError, CursorLost, LostHistory, Stale, StoreUnavailable
from admit.follow import Follower

T = TypeVar("T")

CONNECT = 5.0
"""Seconds that connecting may take, which no answer waits for."""

_LEFT_BEHIND: list[asyncio.Runner] = []

TRIES = 1_000
"""Pages that are read at once before it is given up, a thousand entries each."""


class Leased(Bounded):
    """A tail for a store that has none.

    While the log was seen to its end at most ``bound`` seconds ago, nothing is asked; else whoever can wait reads it
    (:meth:`read_on`). ``lost`` is told why when the store's history turns out to be another one.
    """

    __slots__ = ("__weakref__", "_clock", "_copy", "_failed", "_follower", "_lost", "_reading", "_stopped", "_store")

    def __init__(
        self, store: Store, copy: Copy, clock: Clock, chance: Chance, bound: float, lost: Callable[[str], None]
    ) -> None:
        lease = Lease(clock)
        super().__init__(lease, clock, bound, self.follow)
        self._store = store
        self._copy = copy
        self._clock = clock
        self._lost = lost
        self._follower = Follower(_Elsewhere(store, self._judge), copy, lease, clock, chance, bound=bound)
        lease.heard = self._hear
        self._stopped = False
        self._failed = float("-inf"), ""
        self._reading = WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock]()
        begin_anew = weakref.WeakMethod(self._begin_anew)
        os.register_at_fork(after_in_child=lambda: _call(begin_anew()))

    def follow(self) -> None:
        """Follow, in a thread with an event loop and connections of its own, so that no busy loop makes it late."""
        if not self._stopped:
            self._follower.start()

    def stop(self) -> None:
        """Follow no more, whoever asks."""
        self._stopped = True
        self._follower.stop()

    async def read_on(self) -> None:
        """Know all that was acknowledged before this call. Raises Stale, LostHistory, StoreError."""
        self.follow()
        asked = Moment.of(self._clock)
        # One at a time: what is read for the first of those who wait serves all the others.
        async with self._reading.setdefault(asyncio.get_running_loop(), asyncio.Lock()):
            if self._is_known(asked):
                return
            failed, why = self._failed
            if failed > asked.lease:  # while this one waited: the next would wait as long, and the last for all of them
                raise Stale(f"the log could not be read: {why}")
            try:
                await self._read(asked)
            except AdmitError as error:
                self._failed = self._clock.lease(), str(error)
                raise

    async def _read(self, asked: Moment) -> None:
        copy = self._copy
        for _ in range(TRIES):
            sent = Moment.of(self._clock)
            after = copy.cursor
            try:
                page = await self._store.log(REVOCATIONS, after)
            except CursorLost as lost:
                self._judge(lost)
                copy.start_over()
                continue
            if self._is_known(asked):  # by the thread, meanwhile
                return
            with copy.lock:
                # The thread may have gone on meanwhile: then this page is not what comes next.
                if copy.cursor == after:
                    copy.take(page, self._clock.now(), self._clock.lease())
                    if page.end:
                        self._lease.prove(sent)
                        return
        raise Stale("the log is too long to be read at once")

    def _is_known(self, asked: Moment) -> bool:
        """Whether a read that was sent at ``asked`` or later has come to the end of the log."""
        known = self._lease.fresh_as_of
        return known.lease >= asked.lease and known.wall >= asked.wall

    def _begin_anew(self) -> None:
        """Go on in a forked child, without the thread, the connections and the locks of the parent."""
        self._reading.clear()
        self._follower.begin_anew()

    def _hear(self) -> None:
        """Hold what the log says. A larger bound would count for what was known before it was said: never."""
        told = self._copy.allowed
        if told is not None and told.seconds < self.bound:
            self.bound = self._follower.bound = told.seconds

    def _judge(self, lost: CursorLost) -> None:
        """Raise LostHistory unless it is only that we come late."""
        if not lost.trimmed:
            reason = f"the log is not the one that was followed: {lost}"
            self._lost(reason)
            raise LostHistory(reason) from lost


class _Elsewhere:
    """The log of ``store``, read in a thread that has no event loop, with connections of its own."""

    def __init__(self, store: Store, judge: Callable[[CursorLost], None]) -> None:
        self._origin = store
        self._judge = judge
        self._runner: asyncio.Runner | None = None
        self._store: Store | None = None
        self._process = 0

    def read(self, after: Cursor | None, wait: float, probe: str, within: float) -> Iterator[Page]:
        """The log from ``after`` to its end, a page at a time."""
        del probe  # the answer comes on a connection of ours, to no other question
        store = self._store or self._run(self._opened(), CONNECT)
        while True:
            try:
                page = self._run(store.log(REVOCATIONS, after, wait=wait), wait + within)
            except CursorLost as lost:
                self._judge(lost)
                raise
            yield page
            if page.end:
                return
            after, wait = page.cursor, 0.0

    def close(self) -> None:
        """Let go of the connections; those that a fork has left behind are the parent's."""
        runner, self._runner = self._runner, None
        store, self._store = self._store, None
        if runner is not None and self._process != os.getpid():
            _LEFT_BEHIND.append(runner)  # were it collected, it would take the parent's connections from its loop
        elif runner is not None:
            if store is not None:
                runner.run(store.close())
            runner.close()

    async def _opened(self) -> Store:
        store = self._origin.again()
        await store.open()
        self._store = store
        return store

    def _run(self, asked: Coroutine[Any, Any, T], within: float) -> T:
        if self._runner is None:
            self._runner, self._process = asyncio.Runner(), os.getpid()

        async def bounded() -> T:
            return await asyncio.wait_for(asked, within)

        try:
            return self._runner.run(bounded())
        except TimeoutError as error:
            raise StoreUnavailable(f"no answer about the log within {within:g} s") from error


def _call(begin_anew: Callable[[], None] | None) -> None:
    if begin_anew is not None:
        begin_anew()
