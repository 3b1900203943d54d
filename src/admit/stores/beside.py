"""Two stores as one: some kinds of record lie in a store of their own, and nothing is committed in both at once."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection, Iterable
from contextlib import aclosing

from admit.core.store import PURGE_AT_MOST, Append, Change, Cursor, Found, Insert, Key, Record, Replace, Store
from admit.errors import ConfigError, StoreError
from admit.stores import open_store
from admit.stores.wrapped import Wrapped


class Beside(Wrapped):
    """``inner``, with ``other`` beside it for records of ``kinds``: the log, the counters and all else are of ``inner``."""

    def __init__(self, inner: Store, other: Store, kinds: Collection[str]) -> None:
        super().__init__(inner)
        self.other = other
        self._kinds = kinds

    async def open(self) -> None:
        """Make both ready for use."""
        await self.inner.open()
        try:
            await self.other.open()
        except BaseException:
            await self.inner.close()
            raise

    async def close(self) -> None:
        """Give back what both took."""
        try:
            await self.inner.close()
        finally:
            await self.other.close()

    async def get(self, *keys: Key) -> list[Record | None]:
        """The records of ``keys`` at one moment; all in one of the two."""
        return await self._of(kind for kind, _ in keys).get(*keys)

    async def find(self, kind: str, tag: str, *, after: Cursor | None = None, limit: int = 100) -> Found:
        """A page of the records of ``kind`` that bear ``tag``."""
        return await self._of([kind]).find(kind, tag, after=after, limit=limit)

    async def commit(self, *changes: Change) -> None:
        """All of the changes, or none; all in one of the two."""
        await self._of(map(_kind, changes)).commit(*changes)

    async def purge(self, now: float) -> int:
        """Remove what expired more than a day before ``now``, in both."""
        removed = await self.inner.purge(now)
        return removed if removed >= PURGE_AT_MOST else removed + await self.other.purge(now)

    async def dump(self) -> AsyncGenerator[Insert | Append]:
        """All that is there: what lies beside first, at a moment before that of the rest."""
        async with aclosing(self.other.dump()) as dump:
            async for change in dump:
                if isinstance(change, Insert) and change.record.kind in self._kinds:
                    yield change
        async with aclosing(self.inner.dump()) as dump:
            async for change in dump:
                if isinstance(change, Append) or change.record.kind not in self._kinds:
                    yield change

    def _of(self, kinds: Iterable[str | None]) -> Store:
        beside = {kind in self._kinds for kind in kinds}
        if len(beside) > 1:
            raise StoreError("what lies in two stores is neither read nor committed at once")
        return self.other if True in beside else self.inner


def named(
    store: str | Store, other: str | Store | None, kinds: Collection[str], *, accept_lost_history: bool = False
) -> Store:
    """The store, not opened; if there is another one for records of ``kinds``, with that beside it. Raises ConfigError."""
    found, beside = (
        open_store(one, accept_lost_history=accept_lost_history) if isinstance(one, str) else one
        for one in (store, other)
    )
    assert found is not None
    if beside is None:
        return found
    if beside.partitioned:
        raise ConfigError(
            ["The accounts_store is partitioned, but accounts are found by e-mail address: write another."]
        )
    return Beside(found, beside, kinds)


def _kind(change: Change) -> str | None:
    match change:
        case Insert(record) | Replace(record, _):
            return record.kind
        case Append():
            return None
        case _:
            return change.kind
