"""A store around another one, to which it hands everything on: who wants to change a verb writes that verb."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from admit.core.store import Append, Change, Cursor, Found, Insert, Key, Page, Record, Store, Tail


class Wrapped:
    """``inner``, as it is."""

    def __init__(self, inner: Store) -> None:
        self.inner = inner

    @property
    def partitioned(self) -> bool:
        """Whether what is committed or read together must share one home."""
        return self.inner.partitioned

    @property
    def lag(self) -> float:
        """Seconds for which somebody may still be given answers from before a commit."""
        return self.inner.lag

    @property
    def tail(self) -> Tail | None:
        """The end of the log for embedded stores."""
        return self.inner.tail

    def own_secret(self, *, make: bool) -> bytes:
        """The master secret that the store keeps."""
        return self.inner.own_secret(make=make)

    def again(self) -> Store:
        """The same data, for another event loop; not wrapped."""
        return self.inner.again()

    async def open(self) -> None:
        """Make it ready for use."""
        await self.inner.open()

    async def close(self) -> None:
        """Give back what :meth:`open` took."""
        await self.inner.close()

    async def get(self, *keys: Key) -> list[Record | None]:
        """The records of ``keys`` at one moment."""
        return await self.inner.get(*keys)

    async def find(self, kind: str, tag: str, *, after: Cursor | None = None, limit: int = 100) -> Found:
        """A page of the records of ``kind`` that bear ``tag``."""
        return await self.inner.find(kind, tag, after=after, limit=limit)

    async def commit(self, *changes: Change) -> None:
        """All of the changes, or none."""
        await self.inner.commit(*changes)

    async def log(self, topic: str, after: Cursor | None, *, limit: int = 1_000, wait: float = 0.0) -> Page:
        """Entries after a cursor."""
        return await self.inner.log(topic, after, limit=limit, wait=wait)

    async def purge(self, now: float) -> int:
        """Remove what expired more than a day before ``now``."""
        return await self.inner.purge(now)

    async def count(self, key: str, window: float, now: float, *, hits: int = 1) -> int:
        """The hits of ``key`` in the window around ``now``."""
        return await self.inner.count(key, window, now, hits=hits)

    def dump(self) -> AsyncGenerator[Insert | Append]:
        """All that is there, at one moment."""
        return self.inner.dump()
