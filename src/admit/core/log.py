"""The revocation log: its entries, and the copy that a process keeps of it.

An entry never takes anything back. What returns, returns under a higher generation, so entries may be
applied twice and in any order; only completeness matters.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Annotated

import msgspec

from admit.core.ids import EVERYTHING
from admit.core.lease import LONGEST, SHORTEST
from admit.core.principal import Ends
from admit.core.store import LATE, Cursor, Page
from admit.errors import StoreError

LEAD = 10 * 60
"""Seconds the wall clock of whoever issues a token may be ahead of the clock of whoever verifies it.

A token from further ahead may outlive the memory of its end, for it is good until an hour after *its* time.
"""

KEEP = 60 * 60 + LEAD + 2 * 60
"""Seconds an entry is kept: the longest life of an access token, the lead of its clock, its leeway, and a minute more."""

_FOR_GOOD = 100 * 366 * 24 * 60 * 60

MAX_CLOCK_FALL = 30.0
"""Seconds the wall clock may fall behind the lease clock before the copy starts over."""

TICK = 1.0
"""Seconds between two looks at what can be forgotten."""


class Began(msgspec.Struct, frozen=True, array_like=True, tag="began"):
    """The first entry of a log: it names the history that follows."""

    history: str


class Ended(msgspec.Struct, frozen=True, array_like=True, tag="ended"):
    """One thing is over: a session, a cookie (``<sid>.<n>``), a token (``jti``), an API key, a signing key."""

    kind: Ends
    id: str


class Raised(msgspec.Struct, frozen=True, array_like=True, tag="raised"):
    """Whatever was found true of ``what`` under a lower generation has to be found anew.

    ``what`` is a subject, a client (``c:…``) or ``*``, which is everything.
    """

    what: str
    gen: int


class Allowed(msgspec.Struct, frozen=True, array_like=True, tag="allowed"):
    """Nobody accepts by what he knew more than ``seconds`` ago. Of several the latest (``at``, Unix seconds) counts.

    ``before`` is the most by which somebody may still have gone then.
    """

    seconds: Annotated[float, msgspec.Meta(ge=SHORTEST, le=LONGEST)]
    at: float
    before: Annotated[float, msgspec.Meta(ge=0, le=LONGEST)]


class Moved(msgspec.Struct, frozen=True, array_like=True, tag="moved"):
    """All that was issued under the term of ``gen`` goes on in another store, and nobody serves it from this one."""

    gen: int


Entry = Began | Ended | Raised | Allowed | Moved

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[Entry] = msgspec.json.Decoder(Entry)


def encode(entry: Entry) -> bytes:
    """An entry as a line of the log."""
    return _encoder.encode(entry)


def decode(line: bytes) -> Entry:
    """A line of the log as an entry. Raises StoreError: what cannot be read may have ended anything."""
    try:
        return _decoder.decode(line)
    except ValueError as error:  # msgspec's own, and text that is not UTF-8
        raise StoreError(f"an entry of the log cannot be read; was it written by a newer Admit? {error}") from error


def store_keeps(entry: Entry) -> float:
    """Seconds the store keeps ``entry``, for readers that come late.

    A hundred years where it is news to a process that slept for longer than a day: what most entries end is over
    by then, but not a session from before the last restore, nor a signing key that the process still holds.
    """
    match entry:
        case Raised(what) if what == EVERYTHING:
            return _FOR_GOOD
        case Ended(Ends.KEY) | Allowed() | Moved():
            return _FOR_GOOD
        case _:
            return LATE


def _nothing() -> None:
    """Whoever serves no store has none to leave."""


@dataclass(slots=True)
class _Batch:
    """What was applied within one minute, to be forgotten together."""

    opened: float
    lease: float
    wall: float
    ended: tuple[list[str], ...] = field(default_factory=lambda: tuple([] for _ in Ends))
    raised: list[tuple[str, int]] = field(default_factory=list[tuple[str, int]])


class Copy:
    """What this process knows to be over.

    One set of ids per kind and a map from what to generation, changed under one lock and never replaced:
    a reader that started before a change may miss it, a reader that starts after it cannot.
    Applying an entry does not move the cursor; only reading the log does (:meth:`take`).
    ``moved`` is called when the store of this log is one that nobody serves any more.
    """

    def __init__(self, moved: Callable[[], None] = _nothing) -> None:
        self.ended: tuple[set[str], ...] = tuple(set() for _ in Ends)
        self.raised: dict[str, int] = {}
        self.term = 0
        self.allowed: Allowed | None = None
        self.cursor: Cursor | None = None
        self.stamp = b""
        self.live: tuple[tuple[Ends, set[str]], ...] = ()
        self.quiet_from = 0.0
        self.quiet_until = 0.0
        self.lock = threading.RLock()
        self._batches: deque[_Batch] = deque()
        self._moved = moved
        self._ahead = float("-inf")

    def __len__(self) -> int:
        return sum(map(len, self.ended)) + len(self.raised)

    def apply(self, entry: Entry, now: float, lease: float) -> None:
        """Know ``entry`` from now on (wall and lease clock, seconds, read together)."""
        with self.lock:
            match entry:
                case Ended(kind, id):
                    if id not in self.ended[kind]:
                        self.ended[kind].add(id)
                        # A compromised signing key stays out for the life of the process.
                        if kind is not Ends.KEY:
                            self._batch(now, lease).ended[kind].append(id)
                        if len(self.ended[kind]) == 1:
                            self._relive()
                case Raised(what, gen):
                    if what == EVERYTHING:
                        self.term = max(self.term, gen)
                    elif gen > self.raised.get(what, -1):
                        self.raised[what] = gen
                        self._batch(now, lease).raised.append((what, gen))
                case Allowed(seconds, at, _):
                    if self.allowed is None or (at, -seconds) > (self.allowed.at, -self.allowed.seconds):
                        self.allowed = entry
                case Moved(gen):
                    if gen >= self.term:  # else it was taken back: a restore has begun another term
                        self._moved()
                case Began():
                    pass

    def learn(self, entries: Iterable[Entry], now: float, lease: float) -> None:
        """Know all of ``entries`` from now on."""
        with self.lock:
            for entry in entries:
                if type(entry) is Ended and entry.kind is not Ends.KEY and (ids := self.ended[entry.kind]):
                    # As below, for what nearly all entries are.
                    if entry.id not in ids:
                        ids.add(entry.id)
                        self._batch(now, lease).ended[entry.kind].append(entry.id)
                else:
                    self.apply(entry, now, lease)

    def take(self, page: Page, now: float, lease: float) -> None:
        """Apply what was read from the log, and stand behind it. Raises StoreError."""
        entries = [decode(line) for line in page.entries]
        with self.lock:
            self.learn(entries, now, lease)
            self.cursor = page.cursor
            self.stamp = page.stamp

    def start_over(self) -> None:
        """Read the log from its beginning next time; what is known stays known."""
        with self.lock:
            self.cursor = None
            self.stamp = b""

    def begin_anew(self) -> None:
        """Go on in a forked child: no thread is here that could hold the lock, or finish what it had begun to change."""
        self.lock = threading.RLock()
        self._relive()

    def tick(self, now: float, lease: float) -> bool:
        """Forget what nobody can present any more; whether the wall clock was set back.

        An entry goes when both clocks have moved :data:`KEEP` seconds: a wall clock that jumps ahead must
        not make it forget, nor must a suspended machine. A wall clock that falls behind the lease clock
        would revive tokens whose revocation was forgotten, so the copy starts over and reads all of the log.
        """
        with self.lock:
            ahead = now - lease
            fell = ahead < self._ahead - MAX_CLOCK_FALL
            if fell:
                self.start_over()
                self._ahead = ahead
            self._ahead = max(self._ahead, ahead)
            while self._batches and self._batches[0].lease + KEEP < lease and self._batches[0].wall + KEEP < now:
                self._forget(self._batches.popleft())
            self.quiet_from, self.quiet_until = now, now + TICK
            return fell

    def _batch(self, now: float, lease: float) -> _Batch:
        batch = self._batches[-1] if self._batches else None
        if batch is None or lease - batch.opened > 60:
            batch = _Batch(lease, lease, now)
            self._batches.append(batch)
        batch.lease, batch.wall = max(batch.lease, lease), max(batch.wall, now)
        return batch

    def _forget(self, batch: _Batch) -> None:
        for ids, gone in zip(self.ended, batch.ended, strict=True):
            ids.difference_update(gone)
        for what, gen in batch.raised:
            if self.raised.get(what) == gen:
                del self.raised[what]
        self._relive()

    def _relive(self) -> None:
        self.live = tuple((kind, ids) for kind, ids in zip(Ends, self.ended, strict=True) if ids)
