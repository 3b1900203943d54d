"""The contract of a store: records, atomic commits and ordered logs. A store keeps; it never decides.

Every promise made here is tested on every store by :class:`admit.testing.StoreContract`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import NewType, Protocol

from admit.core.ids import EVERYTHING, HOMES

Cursor = NewType("Cursor", str)
"""A position in a walk or a log. Opaque: only the store that made it can read it."""

Key = tuple[str, str]
"""What a record is found by: its kind and its id."""

REVOCATIONS = "revocations"
"""The one *ordered* topic: a reader that follows it misses nothing, in the order of the commits."""

READ_AT_MOST = 1_000
"""Entries that the tail of a log reads at once."""

PURGE_AT_MOST = 1_000

LATE = 24 * 60 * 60.0
"""Seconds that a store keeps what has expired, and that a reader of a log may come late by."""


@dataclass(frozen=True, slots=True)
class Record:
    """Something a store keeps.

    The first character of ``id`` is its home. ``body`` is opaque. ``expires_at`` (Unix seconds) is for
    garbage collection only, a day later; whether a record is still in time is judged by whoever reads it.
    ``tags`` are what :meth:`Store.find` finds it by; each begins with the record's home. ``version`` is
    63 random bits chosen by the writer, and never repeats for a key, not even after a Delete.
    """

    kind: str
    id: str
    body: bytes
    version: int
    expires_at: float | None = None
    tags: frozenset[str] = frozenset()

    @property
    def key(self) -> Key:
        """Its kind and id."""
        return self.kind, self.id


def is_of_all(tag: str) -> bool:
    """Whether ``tag`` is the one for all of a home, ``<home>*``: a store may look for it among all of a kind there."""
    return len(tag) == 2 and tag[1] == EVERYTHING and tag[0] in HOMES


@dataclass(frozen=True, slots=True)
class Insert:
    """Add ``record``; Conflict if its key is taken."""

    record: Record


@dataclass(frozen=True, slots=True)
class Replace:
    """Put ``record`` in the place of the one that has version ``was``; Conflict if it is not there any more."""

    record: Record
    was: int


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove a record. With ``was``: Conflict unless it is there in that version. Without: no matter if it is gone."""

    kind: str
    id: str
    was: int | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """Conflict unless the record is there in version ``was`` when the commit happens. Changes nothing."""

    kind: str
    id: str
    was: int


@dataclass(frozen=True, slots=True)
class Append:
    """Add ``entry`` to the end of the log ``topic`` of ``home``, in the same commit as what it tells of.

    ``expires_at`` (Unix seconds) is when nobody needs it any more.
    """

    topic: str
    entry: bytes
    expires_at: float
    home: str


Change = Insert | Replace | Delete | Check | Append


@dataclass(frozen=True, slots=True)
class Found:
    """A page of a walk. ``after`` continues it, None when the walk is over."""

    records: tuple[Record, ...]
    after: Cursor | None


@dataclass(frozen=True, slots=True)
class Page:
    """A read of a log: the entries after a cursor, in order, and the ``cursor`` behind the last of them.

    ``end`` is true when the read came to the end of the log. ``stamp`` is the stamp of the last entry up
    to ``cursor`` (8 random bytes that each entry is given by its store), empty while there is none.
    """

    entries: tuple[bytes, ...]
    cursor: Cursor | None
    end: bool
    stamp: bytes


class Tail(Protocol):
    """The end of the ordered log of an embedded store, seen without waiting. Usable from any thread."""

    def moved(self, stamp: bytes) -> bool:
        """Whether the last entry of the log may be another than the one that bears ``stamp``. About 30 ns."""

    def read(self, after: Cursor | None) -> Page:
        """At most 1,000 entries after a cursor. Blocks for a bounded time.

        Raises CursorLost, LostHistory, StoreUnavailable.
        """

    def check(self) -> None:
        """Raises LostHistory when the database is not the one that was opened. A system call or two."""


class Store(Protocol):
    """Where records and logs are kept. Usable from the event loop of whoever calls.

    A *partitioned* store refuses (StoreError) a commit or a ``get`` that spans homes.
    Every verb raises StoreUnavailable when the store gives no answer, and LostHistory when its database was
    replaced under it.
    """

    @property
    def partitioned(self) -> bool:
        """Whether what is committed or read together must share one home."""

    @property
    def lag(self) -> float:
        """Seconds for which somebody may still be given answers from before a commit that was acknowledged elsewhere.

        0 where whatever answers knows of every commit. Where another server of a database takes the place of one that
        was cut off, it is how long that one may go on answering. Known once the store was opened.
        """

    @property
    def tail(self) -> Tail | None:
        """The end of the log for embedded stores; None where a network lies between."""

    def own_secret(self, *, make: bool) -> bytes:
        """The master secret that an embedded store keeps for those who configure none, the same in every process.

        Called on an open store. Where there is none it is made, if ``make`` says so: never where something is
        sealed under one that was lost. Raises ConfigError where one must be configured, or what is kept cannot be used.
        """

    def again(self) -> Store:
        """The same data for another event loop and thread, not opened: where it matters, with connections of its own."""

    async def open(self) -> None:
        """Make it ready for use; harmless when it is. Raises LostHistory, StoreUnavailable, ConfigError."""

    async def close(self) -> None:
        """Give back what :meth:`open` took; harmless when it did not."""

    async def get(self, *keys: Key) -> list[Record | None]:
        """The records of ``keys``, in that order, as they were together at one moment."""

    async def find(self, kind: str, tag: str, *, after: Cursor | None = None, limit: int = 100) -> Found:
        """A page of the records of ``kind`` that bear exactly ``tag``; those with ids of our making come in the order of these.

        A record that is there during the whole walk comes exactly once, whatever is written meanwhile. A walk may
        begin :func:`behind` any id of our making, whether or not there is such a record.
        """

    async def commit(self, *changes: Change) -> None:
        """All of the changes, durably, or none. Raises Conflict."""

    async def log(self, topic: str, after: Cursor | None, *, limit: int = 1_000, wait: float = 0.0) -> Page:
        """At most ``limit`` entries after a cursor (None: from the beginning).

        Where a network lies between and there are none, it waits up to ``wait`` seconds until the doorbell rings,
        and says that there were none: whoever is woken asks again. An embedded store answers at once, for its tail
        says when to come again.
        Raises CursorLost when this log does not know the cursor: trimmed, restored, or of another history.
        """

    async def purge(self, now: float) -> int:
        """Remove at most 1,000 things that expired more than a day before ``now``; how many were removed.

        The last entry of an ordered topic stays, so that a reader's cursor always has something to stand on.
        """

    async def count(self, key: str, window: float, now: float, *, hits: int = 1) -> int:
        """The hits of ``key`` in the window of ``window`` seconds that ``now`` falls into, these included.

        Windows lie end to end from the Unix epoch. ``hits`` is 0 to look, and below 0 to give hits back; a count
        is never below 0. Atomic, among all processes of the store. A crash may lose it, and so may whoever
        makes so many keys that the store has no place for them: those with the fewest hits are lost first.
        """

    def dump(self) -> AsyncGenerator[Insert | Append]:
        """What would make an empty store into this one: its records, then the entries of each log in their order.

        All are of one moment. A store that cannot hold one still raises StoreError, at the latest at the end, when an
        entry was appended meanwhile; a record that was changed then may come twice, as it was last coming last.
        Only a partitioned store knows the home of an entry. What :meth:`count` counted is left out.
        """


def behind(id: str) -> Cursor:
    """The cursor of a walk that goes on behind ``id``, made by :mod:`admit.core.ids` in the home of the tag."""
    return Cursor(id)


def homes(changes: Sequence[Change]) -> set[str]:
    """The homes that ``changes`` touch."""
    return {
        change.home
        if isinstance(change, Append)
        else (change.record.id if isinstance(change, Insert | Replace) else change.id)[0]
        for change in changes
    }
