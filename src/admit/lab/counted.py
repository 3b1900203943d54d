"""A store of Admit that counts what is asked of it, also by the thread that follows its log."""

from __future__ import annotations

import threading

from admit.core.store import Change, Cursor, Found, Key, Page, Record, Store, Tail
from admit.lab.strategy import Count
from admit.stores.memory import MemoryStore
from admit.stores.wrapped import Wrapped


class Counted(Wrapped):
    """``inner``, of which each verb is an operation: over a network one script or one batch, and so one round trip."""

    def __init__(self, inner: Store, count: Count, lock: threading.Lock | None = None) -> None:
        super().__init__(inner)
        self._count = count
        self._lock = lock or threading.Lock()
        self._tail = None if inner.tail is None else _Tail(inner.tail, self._one)

    @property
    def tail(self) -> Tail | None:
        """The end of the log, whose reads are counted; a look at its stamp is none."""
        return self._tail

    def again(self) -> Store:
        """The same data, counted in the same place."""
        return Counted(self.inner.again(), self._count, self._lock)

    async def close(self) -> None:
        """Give back what was opened; memory is shared, and goes on for the others."""
        if not isinstance(self.inner, MemoryStore):
            await super().close()

    async def get(self, *keys: Key) -> list[Record | None]:
        """Counted."""
        self._one()
        return await super().get(*keys)

    async def find(self, kind: str, tag: str, *, after: Cursor | None = None, limit: int = 100) -> Found:
        """Counted."""
        self._one()
        return await super().find(kind, tag, after=after, limit=limit)

    async def commit(self, *changes: Change) -> None:
        """Counted."""
        self._one()
        await super().commit(*changes)

    async def log(self, topic: str, after: Cursor | None, *, limit: int = 1_000, wait: float = 0.0) -> Page:
        """Counted."""
        self._one()
        return await super().log(topic, after, limit=limit, wait=wait)

    async def count(self, key: str, window: float, now: float, *, hits: int = 1) -> int:
        """Counted."""
        self._one()
        return await super().count(key, window, now, hits=hits)

    def _one(self) -> None:
        with self._lock:
            self._count.operations += 1
            self._count.round_trips += self.inner.tail is None


class _Tail:
    """``inner``, whose reads are told to ``one``."""

    def __init__(self, inner: Tail, one: object) -> None:
        self.moved = inner.moved
        self.check = inner.check
        self._inner = inner
        self._one = one

    def read(self, after: Cursor | None) -> Page:
        """Counted."""
        self._one()  # type: ignore[operator]
        return self._inner.read(after)
