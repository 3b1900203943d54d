"""A table in the memory of one process: a dict by key, and one by subject."""

from __future__ import annotations

from dataclasses import dataclass, field

from msgspec.structs import replace

from admit.lab.shared import Shared
from admit.lab.strategy import Count
from admit.lab.tables.table import Row


@dataclass(eq=False)
class _Kept:
    """What all who open the same table share, for as long as one of them has it open."""

    rows: dict[bytes, Row] = field(default_factory=dict[bytes, Row])
    of: dict[str, tuple[bytes, ...]] = field(default_factory=dict[str, tuple[bytes, ...]])


TABLES = Shared(_Kept)


class MemoryTable:
    """Rows of this process."""

    def __init__(self, place: tuple[str, str], count: Count, *, owned: bool) -> None:
        self.count = count
        self._place = place
        self._kept = TABLES.take(place)
        self._owned = owned

    async def get(self, key: bytes) -> Row | None:
        """One look into a dict."""
        self.count.operations += 1
        return self._kept.rows.get(key)

    async def put(self, *rows: Row) -> None:
        """Add them."""
        for row in rows:
            self.count.operations += 1
            self._kept.rows[row.key] = row
            if self._owned:
                self._kept.of[row.subject] = (*self._kept.of.get(row.subject, ()), row.key)

    async def swap(self, was: Row, now: Row) -> bool:
        """Nothing else runs meanwhile."""
        self.count.operations += 1
        there = self._kept.rows.get(was.key)
        if there is None or (there.proof, there.roles) != (was.proof, was.roles):
            return False
        self._kept.rows[was.key] = now
        return True

    async def end(self, key: bytes) -> Row | None:
        """Remove it from both."""
        self.count.operations += 1
        row = self._kept.rows.pop(key, None)
        if row is not None and self._owned:
            left = tuple(other for other in self._kept.of[row.subject] if other != key)
            if left:
                self._kept.of[row.subject] = left
            else:
                del self._kept.of[row.subject]
        return row

    async def end_all(self, subject: str) -> list[Row]:
        """Remove what the dict by subject names."""
        self.count.operations += 1
        return [self._kept.rows.pop(key) for key in self._kept.of.pop(subject, ())]

    async def set_roles(self, subject: str, roles: str) -> list[Row]:
        """Write what the dict by subject names."""
        self.count.operations += 1
        changed = [replace(self._kept.rows[key], roles=roles) for key in self._kept.of.get(subject, ())]
        self._kept.rows.update((row.key, row) for row in changed)
        return changed

    async def taken(self) -> int:
        """Python does not say; what it allocates is measured where rows are made."""
        return 0

    async def close(self) -> None:
        """Forget it; the last who does takes it with him."""
        TABLES.give_back(self._place)


async def opened(rest: str, name: str, count: Count, *, owned: bool) -> MemoryTable:
    """The table ``name``, which all share who open ``rest`` while one of them has it open."""
    return MemoryTable((rest, name), count, owned=owned)
