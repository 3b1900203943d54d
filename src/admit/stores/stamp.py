"""The stamp: two words in a file that every process on one database maps, so that news is seen without asking.

``head`` is written while the write lock is held, before COMMIT, and names the entry that is about to be the
last of the log. It may name one that never came to be; it never misses one that did. ``settled`` names an
entry that is certainly in the database, so that a start can tell that the database was replaced.
"""

from __future__ import annotations

import mmap
import os
from pathlib import Path

from admit.errors import StoreUnavailable
from admit.stores import whole

WORD = 8
NOTHING = bytes(WORD)
"""What a word holds while the log has no entry."""

CLOSED = memoryview(b"closed")
"""The head of a file that is not mapped: equal to no stamp."""

_MAGIC = b"admit\x00s1"
# Aligned, so that the processor stores and loads a word at once.
_HEAD = slice(8, 16)
_SETTLED = slice(16, 24)
_SIZE = 24


class Stamp:
    """The mapped file. ``view`` is its head, to be looked at without a system call."""

    __slots__ = ("_map", "path", "view")

    def __init__(self, path: Path) -> None:
        self.path = path
        self.view = CLOSED
        self._map: mmap.mmap | None = None

    def open(self, last: bytes) -> None:
        """Map the file; one that is made now says that ``last`` is the last entry. Raises StoreUnavailable."""
        try:
            whole.make(self.path, _MAGIC + last + last)
            with self.path.open("r+b") as file:
                size = os.fstat(file.fileno()).st_size
                mapped = mmap.mmap(file.fileno(), _SIZE) if size == _SIZE else None
        except OSError as error:
            raise StoreUnavailable(f"{self.path} cannot be used: {error}") from error
        if mapped is None or mapped[: len(_MAGIC)] != _MAGIC:
            raise StoreUnavailable(f"{self.path} is not a stamp of this version: stop all servers, then remove it")
        self._map = mapped
        self.view = memoryview(mapped)[_HEAD]

    def close(self) -> None:
        """Let go of the file. From now on every look tells of news."""
        self.view = CLOSED
        self._map = None

    @property
    def head(self) -> bytes:
        """The stamp of the entry that is, or was about to be, the last."""
        return self._mapped[_HEAD]

    @head.setter
    def head(self, stamp: bytes) -> None:
        self._mapped[_HEAD] = stamp

    @property
    def settled(self) -> bytes:
        """The stamp of an entry that is certainly in the database."""
        return self._mapped[_SETTLED]

    @settled.setter
    def settled(self, stamp: bytes) -> None:
        self._mapped[_SETTLED] = stamp

    @property
    def _mapped(self) -> mmap.mmap:
        if self._map is None:
            raise StoreUnavailable("this store is not open")
        return self._map
