"""Commits and tells: what a commit withdraws is known in this process before the commit returns."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from typing import TypeVar

from admit.core import log
from admit.core.audit import Act
from admit.core.ids import EVERYTHING, anchor, home_of
from admit.core.log import Allowed, Copy, Ended, Raised
from admit.core.principal import Ends
from admit.core.store import REVOCATIONS, Append, Change, Cursor, Found, Insert, Key, Page, Record, Store
from admit.core.world import Chance, Clock
from admit.errors import Conflict, LostHistory, StoreUnavailable
from admit.trail import Trail

TERM: Key = ("term", anchor(EVERYTHING))
"""The record that holds the term; its home is that of everything that belongs to nobody."""

TRIES = 8
"""How often a decision is made anew after a Conflict."""

LONGEST_PAUSE = 0.016
"""Seconds after which somebody who may go on for longer than that tries again, at the most."""

T = TypeVar("T")

Ready = Callable[[], Awaitable[None]]
"""Returns once the store is open; whoever needs it first opens it."""

Lost = Callable[[str], None]
"""Is told why, when the store finds its database replaced."""


class Ledger:
    """The store as the services use it, with the clock and the chance they decide by, and the trail of what is done."""

    def __init__(
        self, store: Store, copy: Copy, clock: Clock, chance: Chance, trail: Trail, ready: Ready, lost: Lost
    ) -> None:
        self.store = store
        self.copy = copy
        self.trail = trail
        self.clock = clock
        self.chance = chance
        self.ready = ready
        self._lost = lost

    @property
    def term(self) -> int:
        """The generation under which nothing counts any more: ``term << 20`` of this history."""
        return self.copy.term

    def version(self) -> int:
        """A version for a record about to be written: 63 random bits."""
        return int.from_bytes(self.chance(8)) >> 1

    async def get(self, *keys: Key) -> list[Record | None]:
        """The records of ``keys``, as they were together at one moment."""
        await self.ready()
        return await self._answer(self.store, self.store.get(*keys))

    async def find(self, kind: str, tag: str, *, after: Cursor | None = None, limit: int = 100) -> Found:
        """A page of the records of ``kind`` that bear ``tag``."""
        await self.ready()
        return await self._answer(self.store, self.store.find(kind, tag, after=after, limit=limit))

    async def all(self, kind: str, tag: str) -> list[Record]:
        """The records of ``kind`` that bear ``tag``, page by page: each that was there all the while, once."""
        found: list[Record] = []
        after: Cursor | None = None
        while True:
            page = await self.find(kind, tag, after=after, limit=1_000)
            found += page.records
            after = page.after
            if after is None:
                return found

    async def commit(self, *changes: Change) -> None:
        """Commit all of ``changes`` or none; apply the entries among them here before it returns. Raises Conflict.

        The copy's cursor stays where it is: between it and these entries may stand those of other processes,
        which only a read of the log brings.
        """
        await self.ready()
        await self._answer(self.store, self.store.commit(*changes))
        now, lease = self.clock.now(), self.clock.lease()
        for change in changes:
            if isinstance(change, Append) and change.topic == REVOCATIONS:
                self.copy.apply(log.decode(change.entry), now, lease)

    async def log_after(self, after: Cursor | None, *, wait: float = 0.0) -> Page:
        """At most 1,000 entries of the revocation log after a cursor. Raises CursorLost."""
        await self.ready()
        return await self._answer(self.store, self.store.log(REVOCATIONS, after, wait=wait))

    async def count(self, key: str, window: float, now: float, *, hits: int = 1) -> int:
        """The hits of ``key`` in the window around ``now``, these included."""
        await self.ready()
        return await self._answer(self.store, self.store.count(key, window, now, hits=hits))

    async def purge(self) -> int:
        """Remove what expired more than a day ago, up to 1,000 things; how many were removed."""
        await self.ready()
        return await self._answer(self.store, self.store.purge(self.clock.now()))

    async def decide(self, attempt: Callable[[], Awaitable[T]], *, within: float = 0.0) -> T:
        """What ``attempt`` (read, decide, commit) returns, made anew after each Conflict, up to 8 times.

        With ``within`` it goes on for so many seconds: of those who meet, one wins each time, and whoever waited ever
        longer for his next turn would lose to those who come new. Raises StoreUnavailable when somebody else was
        faster every time.
        """
        loop, tried, longest = asyncio.get_running_loop(), 0, LONGEST_PAUSE if within else math.inf
        until = loop.time() + within
        while True:
            try:
                return await attempt()
            except Conflict:
                tried += 1
                if tried >= TRIES and loop.time() >= until:
                    raise StoreUnavailable(f"{tried} conflicts in a row") from None
                # Jitter, so that two that met once do not meet again.
                await asyncio.sleep(self.chance(1)[0] / 256 * min(0.001 * 2**tried, longest))

    def noted(
        self, act: Act, subject: str = "", *, what: str = "", failed: str = "", actor: str = "", home: str = ""
    ) -> tuple[Insert, ...]:
        """What the audit log says of ``act``, for the commit that does it; nothing where there is no audit log.

        The commit is in ``home``: that of the subject if there is one, else that of what belongs to nobody.
        """
        if not self.trail.keeps:
            return ()
        entry = self.trail.entry(act, subject, what=what, failed=failed, actor=actor)
        return (self.trail.insert(entry, home or TERM[1][0]),)

    def ended(self, kind: Ends, id: str) -> Append:
        """The entry that tells the end of ``id``, in the home of what it ends."""
        return self._append(Ended(kind, id))

    def raised(self, what: str, gen: int) -> Append:
        """The entry that tells that ``what`` has reached ``gen``."""
        return self._append(Raised(what, gen))

    def allowed(self, allowed: Allowed) -> Append:
        """The entry that tells how old what is known may be."""
        return self._append(allowed)

    async def _answer(self, store: Store, asked: Awaitable[T]) -> T:
        """What ``store`` answers. That its database was replaced concerns also whoever asks it nothing."""
        try:
            return await asked
        except LostHistory as lost:
            if store is self.store:  # else another has taken its place meanwhile
                self._lost(str(lost))
            raise

    def _append(self, entry: log.Entry) -> Append:
        return Append(REVOCATIONS, log.encode(entry), self.clock.now() + log.store_keeps(entry), home(entry))


def home(entry: log.Entry) -> str:
    """The home of ``entry``: that of what it ends. What belongs to nobody lives where the term does."""
    match entry:
        case Ended(kind, id) if kind is not Ends.KEY:
            return id[:1]
        case Raised(what, _):
            return home_of(what)
        case _:
            return TERM[1][0]
