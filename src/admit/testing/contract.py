"""What the parts of the store contract share: fixtures, and short ways to make and read things."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncGenerator, Callable, Coroutine
from typing import Any, TypeVar

import pytest
import pytest_asyncio

from admit.core.store import REVOCATIONS, Append, Cursor, Page, Record, Store
from admit.system import SystemClock

T = TypeVar("T")
Make = Callable[[], Store]

HOME = "a"
DAY = 24 * 60 * 60.0


def now() -> float:
    """Wall time: what a store itself might judge by, if it judged."""
    return SystemClock.now()


def version() -> int:
    """A version as a writer chooses it."""
    return secrets.randbits(63)


def record(
    name: str = "1", body: bytes = b"{}", *, kind: str = "thing", expires_at: float | None = None, tags: str = ""
) -> Record:
    """A record of the common home; ``tags`` are words, which get the home in front."""
    borne = frozenset(HOME + tag for tag in tags.split())
    return Record(kind, HOME + name, body, version(), expires_at, borne)


def entry(text: bytes = b"entry", *, topic: str = REVOCATIONS, expires_at: float | None = None) -> Append:
    """An entry at the end of the log, for an hour."""
    return Append(topic, text, now() + 3600 if expires_at is None else expires_at, HOME)


async def whole_log(store: Store, *, topic: str = REVOCATIONS, limit: int = 1_000) -> list[bytes]:
    """All entries, page by page."""
    entries: list[bytes] = []
    after: Cursor | None = None
    page = Page((), None, end=False, stamp=b"")
    while not page.end:
        page = await store.log(topic, after, limit=limit)
        assert len(page.entries) <= limit, "a page is longer than was asked for"
        assert page.entries or page.end, "a page that is neither full nor the last leads nowhere"
        entries += page.entries
        after = page.cursor
    return entries


async def walk(store: Store, tag: str, *, limit: int = 100, after: Cursor | None = None) -> list[str]:
    """The ids of all things that bear ``tag``, page by page."""
    ids: list[str] = []
    while True:
        found = await store.find("thing", HOME + tag, after=after, limit=limit)
        assert len(found.records) <= limit, "a page is longer than was asked for"
        ids += (record.id for record in found.records)
        after = found.after
        if after is None:
            return ids
        assert found.records, "an empty page that is not the last leads nowhere"


async def together(*tasks: Coroutine[Any, Any, T]) -> list[T]:
    """What all of ``tasks`` return, run side by side within a minute; when one fails, the others end."""
    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        running = [group.create_task(task) for task in tasks]
    return [task.result() for task in running]


class Contract:
    """Where the parts get their stores from."""

    pytestmark = pytest.mark.asyncio

    @pytest.fixture
    def make(self) -> Make:
        """Override this: a function that returns a new and empty store, not yet opened."""
        pytest.fail("StoreContract does not know your store: override its fixture `make`")

    @pytest_asyncio.fixture
    async def store(self, make: Make) -> AsyncGenerator[Store]:
        """A new store, open."""
        made = make()
        await made.open()
        yield made
        await made.close()
