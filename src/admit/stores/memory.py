"""A store in the memory of one process, whole or partitioned by home: for tests, and for what may be forgotten."""

from __future__ import annotations

import re
import threading
from bisect import bisect_left
from collections import defaultdict
from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass, field
from heapq import nsmallest

from admit.core.ids import HOMES
from admit.core.secret import MIN_MASTER_BYTES
from admit.core.store import (
    LATE,
    PURGE_AT_MOST,
    READ_AT_MOST,
    REVOCATIONS,
    Append,
    Change,
    Check,
    Cursor,
    Delete,
    Found,
    Insert,
    Key,
    Page,
    Record,
    Replace,
    homes,
)
from admit.core.world import Chance
from admit.errors import ConfigError, Conflict, CursorLost, StoreError, StoreUnavailable
from admit.stores import asked
from admit.stores.counters import Counters
from admit.stores.examined import Examined, Finding
from admit.system import chance as system_chance

_CLOSED = b"closed"  # equal to no stamp
_STAND = re.compile(r"(.?):([0-9]{1,18})\.([0-9a-f]{16})")


@dataclass(frozen=True, slots=True)
class _Line:
    seq: int
    nonce: bytes
    entry: bytes
    expires_at: float


@dataclass(slots=True)
class _Log:
    lines: list[_Line] = field(default_factory=list["_Line"])

    def after(self, seq: int, nonce: bytes) -> list[_Line]:
        """The lines behind a position. Raises CursorLost."""
        place = bisect_left(self.lines, seq, key=lambda line: line.seq)
        found = self.lines[place] if place < len(self.lines) else None
        if found is None or (found.seq, found.nonce) != (seq, nonce):
            raise CursorLost(f"no entry {seq} of that name", trimmed=found is not None and found.seq > seq)
        return self.lines[place + 1 :]


class MemoryStore:
    """Keeps everything until the process ends, closed or not. Usable from any thread and event loop.

    ``partitioned``, it behaves like a store in 64 partitions: what spans homes is refused, and each home has
    a log of its own, so that entries of different homes are read in no particular order.
    """

    lag = 0.0

    def __init__(self, *, partitioned: bool = False, chance: Chance = system_chance) -> None:
        self.partitioned = partitioned
        self.tail = MemoryTail(self)
        self._chance = chance
        self._lock = threading.Lock()
        self._ready = False
        self._secret = chance(MIN_MASTER_BYTES)
        self._records: dict[Key, Record] = {}
        self._tagged: defaultdict[Key, set[str]] = defaultdict(set)
        self._logs: defaultdict[str, defaultdict[str, _Log]] = defaultdict(lambda: defaultdict(_Log))
        self._counters = Counters()
        self._appended = 0
        self._last = b""

    def own_secret(self, *, make: bool) -> bytes:
        """A secret that is gone with the process, and was made with the store."""
        del make
        return self._secret

    def again(self) -> MemoryStore:
        """Itself: any event loop may ask it."""
        return self

    async def open(self) -> None:
        """Let the verbs answer."""
        with self._lock:
            self._ready = True
            self.tail.stamp = self._last

    async def close(self) -> None:
        """Let every verb raise StoreUnavailable."""
        with self._lock:
            self._ready = False
            self.tail.stamp = _CLOSED

    async def get(self, *keys: Key) -> list[Record | None]:
        """The records of ``keys`` at one moment."""
        for key in keys:
            asked.text(*key)
        self._one_home({id[:1] for _, id in keys})
        with self._lock:
            self._opened()
            return [self._records.get(key) for key in keys]

    async def find(self, kind: str, tag: str, *, after: Cursor | None = None, limit: int = 100) -> Found:
        """A page of the records of ``kind`` that bear ``tag``, in the order of their ids."""
        asked.text(kind, tag)
        with self._lock:
            self._opened()
            ids = self._tagged.get((kind, tag), ())
            page = nsmallest(limit + 1, (id for id in ids if after is None or id > after))
            records = tuple(self._records[kind, id] for id in page[:limit])
        return Found(records, Cursor(records[-1].id) if len(page) > limit else None)

    async def commit(self, *changes: Change) -> None:
        """All of the changes, or none."""
        asked.changes(changes)
        self._one_home(homes(changes))
        with self._lock:
            self._opened()
            for change in changes:
                self._judge(change)
            for change in changes:
                self._apply(change)

    async def log(self, topic: str, after: Cursor | None, *, limit: int = 1_000, wait: float = 0.0) -> Page:
        """Entries after a cursor; of a partitioned store, home by home."""
        del wait  # its tail says when to come again
        return self.read(topic, after, limit)

    async def purge(self, now: float) -> int:
        """Remove what expired more than a day before ``now``."""
        with self._lock:
            self._opened()
            late = now - LATE
            dead = [record for record in self._records.values() if _before(record.expires_at, late)][:PURGE_AT_MOST]
            for record in dead:
                self._remove(record.key)
            removed = len(dead)
            for log in self._all_logs():
                old = [line for line in log.lines[:-1] if line.expires_at < late][: PURGE_AT_MOST - removed]
                gone = {line.seq for line in old}
                log.lines = [line for line in log.lines if line.seq not in gone]
                removed += len(gone)
            return removed + self._counters.purge(now, PURGE_AT_MOST - removed)

    async def count(self, key: str, window: float, now: float, *, hits: int = 1) -> int:
        """The hits of ``key`` in the window around ``now``."""
        asked.text(key)
        with self._lock:
            self._opened()
            return self._counters.count(key, window, now, hits)

    async def dump(self) -> AsyncGenerator[Insert | Append]:
        """All that is there, at the moment of the first."""
        with self._lock:
            self._opened()
            records = list(self._records.values())
            entries = [
                Append(topic, line.entry, line.expires_at, home or HOMES[0])
                for topic, logs in self._logs.items()
                for home, log in logs.items()
                for line in log.lines
            ]
        for record in records:
            yield Insert(record)
        for entry in entries:
            yield entry

    def read(self, topic: str, after: Cursor | None, limit: int) -> Page:
        """As :meth:`log`, without an event loop."""
        with self._lock:
            self._opened()
            return _page(self._logs[topic], after, limit)

    def _opened(self) -> None:
        if not self._ready:
            raise StoreUnavailable("this store is not open")

    def _one_home(self, touched: set[str]) -> None:
        if self.partitioned and len(touched) > 1:
            raise StoreError("a partitioned store reads and commits in one home at a time")

    def _judge(self, change: Change) -> None:
        match change:
            case Insert(record) if record.key in self._records:
                raise Conflict(f"{record.kind} {record.id!r} is there already")
            case Replace(Record(kind, id), was) | Check(kind, id, was) | Delete(kind, id, int(was)):
                found = self._records.get((kind, id))
                if found is None or found.version != was:
                    raise Conflict(f"{kind} {id!r} is not there in that version")
            case _:
                pass

    def _apply(self, change: Change) -> None:
        match change:
            case Insert(record) | Replace(record, _):
                self._remove(record.key)
                self._records[record.key] = record
                for tag in record.tags:
                    self._tagged[record.kind, tag].add(record.id)
            case Delete(kind, id, _):
                self._remove((kind, id))
            case Append(topic, entry, expires_at, home):
                log = self._logs[topic][home if self.partitioned else ""]
                self._appended += 1
                nonce = self._chance(8)
                log.lines.append(_Line(self._appended, nonce, entry, expires_at))
                if topic == REVOCATIONS:
                    self.tail.stamp = self._last = nonce
            case Check():
                pass

    def _remove(self, key: Key) -> None:
        record = self._records.pop(key, None)
        for tag in record.tags if record else ():
            ids = self._tagged[key[0], tag]
            ids.discard(key[1])
            if not ids:
                del self._tagged[key[0], tag]

    def _all_logs(self) -> Iterator[_Log]:
        for by_home in self._logs.values():
            yield from by_home.values()


class MemoryTail:
    """The end of a memory store's log."""

    __slots__ = ("_store", "stamp")

    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self.stamp = _CLOSED

    def moved(self, stamp: bytes) -> bool:
        """Whether the last entry bears another stamp."""
        return self.stamp != stamp

    def read(self, after: Cursor | None) -> Page:
        """At most 1,000 entries after a cursor."""
        return self._store.read(REVOCATIONS, after, READ_AT_MOST)

    def check(self) -> None:
        """Memory is never replaced, but may be closed."""
        if self.stamp is _CLOSED:
            raise StoreUnavailable("this store is not open")


def _page(logs: dict[str, _Log], after: Cursor | None, limit: int) -> Page:
    """Home by home, each from where the cursor stands in it, or from its beginning."""
    stands = _stands(after)
    lost = stands.keys() - logs.keys()
    if lost:
        raise CursorLost("this log has no entries in a home where the cursor stands")
    entries: list[bytes] = []
    end, last = True, b""
    for home in sorted(logs):
        log = logs[home]
        lines = log.after(*stands[home]) if home in stands else log.lines
        taken = lines[: limit - len(entries)]
        end = end and len(taken) == len(lines)
        entries += (line.entry for line in taken)
        if taken:
            stands[home] = taken[-1].seq, taken[-1].nonce
    # A stamp stands for all that came before it. In homes read one by one, only the end of all is such a place.
    if end:
        last = max((log.lines[-1] for log in logs.values()), key=lambda line: line.seq).nonce if logs else b""
    return Page(tuple(entries), _cursor(stands), end, last)


def _cursor(stands: dict[str, tuple[int, bytes]]) -> Cursor | None:
    return Cursor(",".join(f"{home}:{seq}.{nonce.hex()}" for home, (seq, nonce) in stands.items())) if stands else None


def _stands(cursor: Cursor | None) -> dict[str, tuple[int, bytes]]:
    stands: dict[str, tuple[int, bytes]] = {}
    for part in () if cursor is None else cursor.split(","):
        found = _STAND.fullmatch(part)
        if found is None:
            raise CursorLost("this is no cursor of this log")
        stands[found[1]] = int(found[2]), bytes.fromhex(found[3])
    return stands


def _before(moment: float | None, late: float) -> bool:
    return moment is not None and moment < late


def absent(rest: str, *, begins: bool) -> str:
    """What is to be told to a command: whatever it did would be gone with it."""
    del rest, begins
    return "A memory store is seen by no other process, and gone with its own. Write the --store of a server."


async def migrated(rest: str) -> tuple[int, int]:
    """Nothing: what is in memory was made by this very process. Raises ConfigError."""
    raise ConfigError([absent(rest, begins=True)])


async def examined(rest: str) -> Examined:
    """That it is no store to run on."""
    from_url(rest, accept_lost_history=False)
    said = "It is in memory: the next start knows nobody. Write sqlite:///path/to/file.db."
    return Examined([Finding("store", "mend", said)], begun=False)


def from_url(rest: str, *, accept_lost_history: bool) -> MemoryStore:
    """The store behind ``memory://``; there is no history that it could have lost."""
    del accept_lost_history
    if rest not in {"", "?homes"}:
        raise ConfigError(["A memory store is written memory://, or memory://?homes to have it partitioned."])
    return MemoryStore(partitioned=rest == "?homes")
