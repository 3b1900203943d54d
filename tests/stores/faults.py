"""Stores with a fault, each around a good one: what the contract of stores has to notice."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from dataclasses import replace

from admit.core.store import (
    Append,
    Change,
    Check,
    Cursor,
    Found,
    Insert,
    Key,
    Page,
    Record,
    Replace,
    Store,
    Tail,
)
from admit.errors import Conflict, CursorLost
from admit.stores.wrapped import Wrapped
from admit.testing.contract import now

NOBODY_WRITES = 5.0
"""Seconds without a commit after which none is waited for; whoever notices the fault has noticed it before."""


class NoVersionCheck(Wrapped):
    """Writes over whatever is there."""

    async def commit(self, *changes: Change) -> None:
        await self.inner.commit(*[await self._blindly(change) for change in changes])

    async def _blindly(self, change: Change) -> Change:
        if not isinstance(change, Replace):
            return change
        [there] = await self.inner.get(change.record.key)
        return change if there is None else Replace(change.record, there.version)


class VersionRestarts(Wrapped):
    """Numbers its versions itself, from one again after a delete."""

    def __init__(self, inner: Store) -> None:
        super().__init__(inner)
        self.first: dict[Key, int] = {}

    async def commit(self, *changes: Change) -> None:
        await self.inner.commit(*map(self._renumbered, changes))

    def _renumbered(self, change: Change) -> Change:
        if isinstance(change, Insert):
            first = self.first.setdefault(change.record.key, change.record.version)
            return Insert(replace(change.record, version=first))
        return change


class NoCopyOnWrite(Wrapped):
    """Hands out its own records and writes into them."""

    def __init__(self, inner: Store) -> None:
        super().__init__(inner)
        self.out: dict[Key, Record] = {}

    async def get(self, *keys: Key) -> list[Record | None]:
        found = await self.inner.get(*keys)
        self.out.update({record.key: record for record in found if record})
        return [record and self.out[record.key] for record in found]

    async def commit(self, *changes: Change) -> None:
        await self.inner.commit(*changes)
        for change in changes:
            if isinstance(change, Replace) and change.record.key in self.out:
                for field in ("body", "version", "expires_at", "tags"):
                    object.__setattr__(self.out[change.record.key], field, getattr(change.record, field))


class OldNews(Wrapped):
    """Answers from a cache that a write does not reach."""

    def __init__(self, inner: Store) -> None:
        super().__init__(inner)
        self.seen: dict[Key, Record] = {}

    async def get(self, *keys: Key) -> list[Record | None]:
        found = await self.inner.get(*keys)
        return [record and self.seen.setdefault(record.key, record) for record in found]


class TagsLeftBehind(Wrapped):
    """Never forgets that a record bore a tag."""

    def __init__(self, inner: Store) -> None:
        super().__init__(inner)
        self.bore: set[tuple[str, str, str]] = set()

    async def commit(self, *changes: Change) -> None:
        await self.inner.commit(*changes)
        for change in changes:
            if isinstance(change, Insert | Replace):
                self.bore |= {(change.record.kind, tag, change.record.id) for tag in change.record.tags}

    async def find(self, kind: str, tag: str, *, after: Cursor | None = None, limit: int = 100) -> Found:
        ids = sorted(id for its, borne, id in self.bore if (its, borne) == (kind, tag) and id > (after or ""))
        found = [record for id in ids[:limit] for record in await self.inner.get((kind, id)) if record]
        return Found(tuple(found), Cursor(ids[limit - 1]) if len(ids) > limit else None)


class HalfACommit(Wrapped):
    """Commits one change after the other."""

    async def commit(self, *changes: Change) -> None:
        for change in changes:
            await self.inner.commit(change)


class EntriesOfFailedCommits(Wrapped):
    """Writes the log first, and the records if it can."""

    async def commit(self, *changes: Change) -> None:
        entries = [change for change in changes if isinstance(change, Append)]
        await self.inner.commit(*entries)
        await self.inner.commit(*(change for change in changes if change not in entries))


class LogOutOfOrder(Wrapped):
    """Gives out numbers before it commits: what is slow comes late and is sorted in front."""

    async def log(self, topic: str, after: Cursor | None, *, limit: int = 1_000, wait: float = 0.0) -> Page:
        page = await self.inner.log(topic, after, limit=limit, wait=wait)
        return replace(page, entries=page.entries[::-1])


class LateEntries(Wrapped):
    """Shows an entry to readers who come later, and not to the one who stands right before it."""

    def __init__(self, inner: Store) -> None:
        super().__init__(inner)
        self.reads = itertools.count(1)

    async def log(self, topic: str, after: Cursor | None, *, limit: int = 1_000, wait: float = 0.0) -> Page:
        page = await self.inner.log(topic, after, limit=limit, wait=wait)
        skip = after is not None and bool(page.entries) and next(self.reads) % 3 == 0
        return replace(page, entries=page.entries[1:]) if skip else page


class AnyCursor(Wrapped):
    """Takes a position of any history for one of its own."""

    async def log(self, topic: str, after: Cursor | None, *, limit: int = 1_000, wait: float = 0.0) -> Page:
        try:
            return await self.inner.log(topic, after, limit=limit, wait=wait)
        except CursorLost as lost:
            if lost.trimmed:
                raise
            return await self.inner.log(topic, None, limit=limit, wait=wait)


class NothingIsTrimmed(Wrapped):
    """Cannot tell a position that is too old from one of another history."""

    async def log(self, topic: str, after: Cursor | None, *, limit: int = 1_000, wait: float = 0.0) -> Page:
        try:
            return await self.inner.log(topic, after, limit=limit, wait=wait)
        except CursorLost as lost:
            raise CursorLost(str(lost)) from lost


class HungryPurge(Wrapped):
    """Takes what has just expired, without the day of slack."""

    async def purge(self, now: float) -> int:
        return await self.inner.purge(now + 24 * 60 * 60)


class PurgeOfTheLast(Wrapped):
    """Purges a quiet log until nothing is left of it."""

    def __init__(self, inner: Store) -> None:
        super().__init__(inner)
        self.purged = False

    async def purge(self, now: float) -> int:
        self.purged = True
        return await self.inner.purge(now)

    async def log(self, topic: str, after: Cursor | None, *, limit: int = 1_000, wait: float = 0.0) -> Page:
        page = await self.inner.log(topic, after, limit=limit, wait=wait)
        return Page((), None, end=True, stamp=b"") if self.purged and page.end else page


class PageThatSkips(Wrapped):
    """Counts where a page begins, instead of remembering what it ended with."""

    async def find(self, kind: str, tag: str, *, after: Cursor | None = None, limit: int = 100) -> Found:
        skip = int(after or 0)
        everything = await self.inner.find(kind, tag, limit=10_000)
        page = everything.records[skip : skip + limit]
        more = len(everything.records) > skip + limit
        return Found(page, Cursor(str(skip + limit)) if more else None)


class OrderOfItsOwn(Wrapped):
    """Walks backwards, from page to page too."""

    async def find(self, kind: str, tag: str, *, after: Cursor | None = None, limit: int = 100) -> Found:
        everything = await self.inner.find(kind, tag, limit=10_000)
        left = [record for record in reversed(everything.records) if after is None or record.id < after]
        return Found(tuple(left[:limit]), Cursor(left[limit - 1].id) if len(left) > limit else None)


class TornSnapshot(Wrapped):
    """Reads one record after the other, each when somebody has written since."""

    def __init__(self, inner: Store) -> None:
        super().__init__(inner)
        self.written = asyncio.Event()

    async def get(self, *keys: Key) -> list[Record | None]:
        found: list[Record | None] = []
        for key in keys:
            found += await self.inner.get(key)
            with suppress(TimeoutError):
                await asyncio.wait_for(self.written.wait(), NOBODY_WRITES)
        return found

    async def commit(self, *changes: Change) -> None:
        await self.inner.commit(*changes)
        self.written.set()
        self.written = asyncio.Event()


class ChecksAreIgnored(Wrapped):
    """Leaves out what changes nothing."""

    async def commit(self, *changes: Change) -> None:
        await self.inner.commit(*(change for change in changes if not isinstance(change, Check)))


class JudgesExpiry(Wrapped):
    """Hides what is over."""

    async def get(self, *keys: Key) -> list[Record | None]:
        found = await self.inner.get(*keys)
        return [None if record and record.expires_at and record.expires_at < now() else record for record in found]


class TriesAgain(Wrapped):
    """Answers a conflict by itself."""

    async def commit(self, *changes: Change) -> None:
        try:
            await self.inner.commit(*changes)
        except Conflict:
            await self.inner.commit(*(change for change in changes if not isinstance(change, Insert)))


class LostHits(Wrapped):
    """Reads a counter, adds to it and writes it back, while others do the same."""

    def __init__(self, inner: Store) -> None:
        super().__init__(inner)
        self.counted: dict[tuple[str, float, float], int] = {}

    async def count(self, key: str, window: float, now: float, *, hits: int = 1) -> int:
        was = self.counted.get((key, window, now), 0)
        await asyncio.sleep(0)
        self.counted[key, window, now] = was + hits
        return was + hits


class OneWindowForAll(Wrapped):
    """Never begins anew."""

    async def count(self, key: str, window: float, now: float, *, hits: int = 1) -> int:
        return await self.inner.count(key, 1e12, now, hits=hits)


class _Numb:
    """A tail whose stamp stands still."""

    def __init__(self, inner: Tail, *, says: bool) -> None:
        self.inner = inner
        self.says = says

    def moved(self, stamp: bytes) -> bool:
        return self.says

    def read(self, after: Cursor | None) -> Page:
        return self.inner.read(after)

    def check(self) -> None:
        self.inner.check()


class DumpWithoutTheLog(Wrapped):
    """Takes the records for all there is."""

    async def dump(self) -> AsyncGenerator[Insert | Append]:
        async for change in self.inner.dump():
            if isinstance(change, Insert):
                yield change


class TornDump(Wrapped):
    """Reads one thing after the other."""

    async def dump(self) -> AsyncGenerator[Insert | Append]:
        there = [change async for change in self.inner.dump() if isinstance(change, Insert)]
        for insert in there:
            for found in await self.inner.get(insert.record.key):
                if found is not None:
                    yield Insert(found)
        async for change in self.inner.dump():
            if isinstance(change, Append):
                yield change


class StampStandsStill(Wrapped):
    """Does not say that there is news."""

    @property
    def tail(self) -> Tail | None:
        return self.inner.tail and _Numb(self.inner.tail, says=False)


class StampNeverRests(Wrapped):
    """Says that there is news when all is read."""

    @property
    def tail(self) -> Tail | None:
        return self.inner.tail and _Numb(self.inner.tail, says=True)


Fault = Callable[[Store], Wrapped]
