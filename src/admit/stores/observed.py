"""A store whose commits somebody watches: what measures or traces them is put around each, and nothing else changes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack

from admit.core.store import Change, Cursor, Found, Key, Page, Record, Store, Tail

Around = Callable[[Sequence[Change]], AbstractContextManager[None]]
"""Makes, of the changes of a commit, what is entered before and left after it; what the commit raises passes through."""


class Observed:
    """``store``, with ``arounds`` entered around each commit, the first outermost."""

    def __init__(self, store: Store, arounds: Sequence[Around]) -> None:
        self._store = store
        self._arounds = tuple(arounds)

    @property
    def partitioned(self) -> bool:
        """Whether what is committed or read together must share one home."""
        return self._store.partitioned

    @property
    def tail(self) -> Tail | None:
        """The end of the log for embedded stores."""
        return self._store.tail

    def own_secret(self, *, make: bool) -> bytes:
        """The master secret that the store keeps."""
        return self._store.own_secret(make=make)

    async def open(self) -> None:
        """Make it ready for use."""
        await self._store.open()

    async def close(self) -> None:
        """Give back what :meth:`open` took."""
        await self._store.close()

    async def get(self, *keys: Key) -> list[Record | None]:
        """The records of ``keys`` at one moment."""
        return await self._store.get(*keys)

    async def find(self, kind: str, tag: str, *, after: Cursor | None = None, limit: int = 100) -> Found:
        """A page of the records of ``kind`` that bear ``tag``."""
        return await self._store.find(kind, tag, after=after, limit=limit)

    async def commit(self, *changes: Change) -> None:
        """All of the changes, or none, with everybody watching."""
        with ExitStack() as watching:
            for around in self._arounds:
                watching.enter_context(around(changes))
            await self._store.commit(*changes)

    async def log(self, topic: str, after: Cursor | None, *, limit: int = 1_000) -> Page:
        """Entries after a cursor."""
        return await self._store.log(topic, after, limit=limit)

    async def purge(self, now: float) -> int:
        """Remove what expired more than a day before ``now``."""
        return await self._store.purge(now)

    async def count(self, key: str, window: float, now: float, *, hits: int = 1) -> int:
        """The hits of ``key`` in the window around ``now``."""
        return await self._store.count(key, window, now, hits=hits)
