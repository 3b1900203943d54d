"""How many sessions a subject may have at once: each takes a place, and who was away longest leaves his."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import NamedTuple
from weakref import WeakValueDictionary

import msgspec

from admit.core.audit import Act
from admit.core.codec import Codec
from admit.core.ids import anchor
from admit.core.principal import Ends
from admit.core.store import Change, Delete, Insert, Key, Record, Replace
from admit.ledger import Ledger


class _Taken(msgspec.Struct, frozen=True):
    """How many sessions have taken a place since it was last asked who is still there; some of them may be over."""

    n: int


CONTEND = 10.0
"""Seconds for which a sign-in tries to take a place, while others of the same subject, at other servers, are faster."""

PLACES = Codec("places", _Taken)


class Alive(NamedTuple):
    """The records of a subject's valid sessions, the least recently seen first; and of those that are over."""

    valid: Sequence[Record]
    over: Sequence[Record]


Ask = Callable[[], Awaitable[Alive]]


class Places:
    """At most ``at_most`` for each subject, by one record: of two that take the last place, one meets a Conflict.

    A session that ends keeps its place on paper until all are taken: only then is asked who is still there. So a
    sign-in costs one read, and ending a session none.
    """

    def __init__(self, ledger: Ledger, at_most: int) -> None:
        self._ledger = ledger
        self._at_most = at_most
        self._queues = WeakValueDictionary[tuple[int, str], asyncio.Lock]()

    @staticmethod
    def key(subject: str) -> Key:
        """The key of the record of a subject's places."""
        return PLACES.kind, anchor(subject)

    @asynccontextmanager
    async def queue(self, subject: str) -> AsyncGenerator[None]:
        """One sign-in of ``subject`` after the other, within this event loop: fifty at once need not conflict."""
        key = id(asyncio.get_running_loop()), subject
        lock = self._queues.get(key)
        if lock is None:
            self._queues[key] = lock = asyncio.Lock()
        async with lock:
            yield

    async def take(self, subject: str, until: float, ask: Ask) -> tuple[Change, ...]:
        """The changes that give a session which ends at ``until`` a place: for one commit with it.

        ``ask`` says whose sessions are there, when all places are taken: after the record was read, so that who comes
        in between makes the commit a Conflict. So does a session that has to leave, and goes on in between.
        """
        [record] = await self._ledger.get(self.key(subject))
        taken = 0 if record is None else PLACES.decode(record).n
        changes: list[Change] = []
        if taken >= self._at_most:
            valid, over = await ask()
            leave = valid[: max(0, len(valid) - self._at_most + 1)]
            for one in leave:
                noted = self._ledger.noted(Act.SESSION_DISPLACED, subject, what=one.id, actor=subject)
                changes += (self._ledger.ended(Ends.SESSION, one.id), *noted)
            changes += (Delete(one.kind, one.id, one.version) for one in (*leave, *over))
            taken = len(valid) - len(leave)
        kept = self._record(subject, taken + 1, until, record)
        return Insert(kept) if record is None else Replace(kept, record.version), *changes

    def _record(self, subject: str, taken: int, until: float, was: Record | None) -> Record:
        expires_at = until if was is None or was.expires_at is None else max(until, was.expires_at)
        return Record(*self.key(subject), PLACES.encode(_Taken(taken)), self._ledger.version(), expires_at)
