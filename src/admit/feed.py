"""The revocation log for those who follow it over a network: one read answers everybody who asked before it began."""

from __future__ import annotations

import asyncio
from collections import deque
from itertools import islice

from admit.core.store import READ_AT_MOST, Cursor, Page
from admit.errors import AdmitError, CursorLost
from admit.ledger import Ledger

LOOK_EVERY = 0.001
"""Seconds between two looks for news, while somebody waits for them."""

ASK_AGAIN = 5.0
"""Seconds that a store with a network before it is asked to wait for news."""

RECENT = 10_000
"""Entries that are kept in memory, at least; whoever is further behind reads the store."""


class Feed:
    """Hands out the log of ``ledger``, on one event loop.

    An answer that says ``end`` comes from a read of the store that began after its question arrived. What this
    process has read for itself proves nothing to somebody else.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._pages: deque[tuple[Cursor | None, Page]] = deque()
        self._places: dict[Cursor | None, int] = {}
        self._dropped = 0
        self._entries = 0
        # Where this process has read to is a place like any other to begin at.
        self._cursor, self._stamp = ledger.copy.cursor, ledger.copy.stamp
        # Looks at the log are counted: how many were begun, and the last of them that came to its end.
        self._begun = self._ended = 0
        self._as_of = float("-inf")
        self._reading = asyncio.Lock()
        self._next: asyncio.Task[None] | None = None
        self._waiting: set[asyncio.Future[None]] = set()
        self._listening: asyncio.Task[None] | None = None

    async def page(self, after: Cursor | None, wait: float) -> Page:
        """At most 1,000 entries after a cursor; where there are none, waits up to ``wait`` seconds for some.

        Raises CursorLost, LostHistory, StoreError.
        """
        return (await self.read(after, wait))[0]

    async def read(self, after: Cursor | None, wait: float) -> tuple[Page, float]:
        """A :meth:`page`, and as of when (by the lease clock): all that had ended by then stands before its end."""
        loop = asyncio.get_running_loop()
        until, begun, waited = loop.time() + wait, self._begun, False
        await self._ledger.ready()
        while True:
            page = self._recent(after)
            if page is None or not (page.entries and self._ended > begun):
                # Who waits at the end of what is known needs no proof yet: what is written from now on wakes him.
                if waited or wait <= 0 or after != self._cursor or self._ledger.store.tail is not None:
                    await self._read_on()
                    page = self._recent(after)
                if page is None:
                    as_of = self._ledger.clock.lease()
                    return await self._ledger.log_after(after), as_of
            if self._ended > begun and (page.entries or loop.time() >= until):
                return page, self._as_of
            await self._news(until - loop.time())
            waited = True

    async def _read_on(self) -> None:
        """Read what is new; where nothing is, looking proves it."""
        tail = self._ledger.store.tail
        if tail is not None:
            tail.check()  # nothing new in a database that was replaced is no news
            self._begun += 1
            look, as_of = self._begun, self._ledger.clock.lease()
            if not tail.moved(self._stamp):
                self._came_to_its_end(look, as_of)
                return
        if self._next is None:
            self._next = asyncio.create_task(self._flight())
        await asyncio.shield(self._next)

    async def _flight(self) -> None:
        """One read to the end of the log, for all who asked before it began."""
        async with self._reading:
            self._next = None  # whoever comes from now on waits for the next: this read may have begun before
            self._begun += 1
            look, as_of = self._begun, self._ledger.clock.lease()
            try:
                while not await self._read():
                    pass
                self._came_to_its_end(look, as_of)
            except CursorLost:
                self._forget()
                raise

    def _came_to_its_end(self, look: int, as_of: float) -> None:
        if look > self._ended:  # else one that began later was faster
            self._ended, self._as_of = look, as_of

    async def _read(self) -> bool:
        before = self._cursor
        page = await self._ledger.log_after(before)
        self._cursor, self._stamp = page.cursor, page.stamp
        if page.entries:
            # Whoever reads first takes the news away from those who listen for it: they would wait to their end.
            self._wake()
            self._places[before] = self._dropped + len(self._pages)
            self._pages.append((before, page))
            self._entries += len(page.entries)
            while self._entries - len(self._pages[0][1].entries) >= RECENT:
                first, dropped = self._pages.popleft()
                del self._places[first]
                self._dropped += 1
                self._entries -= len(dropped.entries)
        return page.end

    def _forget(self) -> None:
        """Begin anew where the store begins: what was read is of another history, or trimmed."""
        self._pages.clear()
        self._places.clear()
        self._dropped = self._entries = 0
        self._cursor, self._stamp = None, b""

    def _recent(self, after: Cursor | None) -> Page | None:
        """What stands behind ``after``, as far as that is in memory."""
        if after == self._cursor:
            return Page((), after, end=True, stamp=self._stamp)
        place = self._places.get(after)
        if place is None:
            return None
        entries: list[bytes] = []
        cursor, stamp = after, b""
        for _, page in islice(self._pages, place - self._dropped, None):
            if entries and len(entries) + len(page.entries) > READ_AT_MOST:
                break
            entries += page.entries
            cursor, stamp = page.cursor, page.stamp
        return Page(tuple(entries), cursor, end=cursor == self._cursor, stamp=stamp)

    async def _news(self, within: float) -> None:
        """Return when there is news, or after ``within`` seconds."""
        loop = asyncio.get_running_loop()
        bell = loop.create_future()
        self._waiting.add(bell)
        if self._listening is None:
            self._listening = asyncio.create_task(self._listen())
        late = loop.call_later(within, _ring, bell)
        try:
            await bell
        finally:
            late.cancel()
            self._waiting.remove(bell)
            if not self._waiting:
                self._listening.cancel()
                self._listening = None

    async def _listen(self) -> None:
        """Read what is new when the log has moved; that wakes those who wait.

        It moves a moment before there is something to read: who was woken by that would look in vain, with all others.
        """
        while True:
            await asyncio.sleep(LOOK_EVERY)
            tail = self._ledger.store.tail
            try:
                if tail is None:
                    await self._ledger.log_after(self._cursor, wait=ASK_AGAIN)
                if tail is None or tail.moved(self._stamp):
                    await self._read_on()
            except AdmitError:
                self._wake()  # each of them asks, and is told what is wrong

    def _wake(self) -> None:
        for bell in self._waiting:
            _ring(bell)


def _ring(bell: asyncio.Future[None]) -> None:
    if not bell.done():
        bell.set_result(None)
