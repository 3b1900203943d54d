"""The history a store's records belong to: when it began, and how all that came before it is ended."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Literal

import msgspec

from admit.core import log
from admit.core.audit import Act
from admit.core.codec import Codec
from admit.core.ids import EVERYTHING
from admit.core.log import Began
from admit.core.secret import written
from admit.core.store import LATE, REVOCATIONS, Append, Change, Insert, Record, Replace, Store
from admit.core.world import Chance
from admit.errors import Conflict, StoreUnavailable
from admit.ledger import TERM, Ledger

OnLostHistory = Literal["stop", "end everything", "accept"]
"""What to do with a database that was replaced: admit nobody, sign everybody out, or go on as if nothing happened."""

_BITS = 20
"""Bits of a generation below its term: a million changes of one subject before it reaches the next second."""


UNFINISHED = "an import into this store has not come to its end: run “admit import” again with the same file"


MOVED = (
    "what this store held was moved to another store: configure that one; to go on with this one instead, run "
    "“admit restore”, which signs everybody out"
)

Also = Callable[[Store | Ledger], Awaitable[Sequence[Change]]]
"""What else is said where everything ends, in the same commit."""


class Term(msgspec.Struct, frozen=True, omit_defaults=True):
    """The Unix second at which this history began.

    While a store is filled from an export, ``importing`` is its digest, and there is no history yet. Once it has
    ``moved`` to another store, nobody serves it from this one.
    """

    second: int
    importing: str = ""
    moved: bool = False

    @classmethod
    def after(cls, term: Term, now: float) -> Term:
        """The term of a history that ends all of ``term``."""
        return cls(max(int(now), term.second + 1))

    @property
    def gen(self) -> int:
        """The generation below which nothing of this history lies."""
        return self.second << _BITS


TERM_CODEC = Codec("term", Term)


class History:
    """Begins a history, follows its log, and ends it for another."""

    def __init__(self, ledger: Ledger, also: Also) -> None:
        self._ledger = ledger
        self._also = also

    async def follow(self, store: Store, *, afresh: bool = False, renew: bool = False) -> None:
        """Know all that has ended in ``store``, whose history is begun if it has none. Raises StoreError.

        ``afresh`` ends that history first, so that nobody is admitted by it meanwhile. With ``renew`` it is about to
        be ended, and may have moved.
        """
        copy, clock = self._ledger.copy, self._ledger.clock
        term = await self._begun(store)
        if term.moved and not renew:
            raise StoreUnavailable(MOVED)
        # Begun since we looked last: another process found it replaced too, and has ended it already.
        if afresh and not 0 < copy.term < term.gen:
            await self._ledger.decide(partial(self._ended, store))
        with copy.lock:
            copy.start_over()
            copy.term = max(copy.term, term.gen)
        while True:
            page = await store.log(REVOCATIONS, copy.cursor)
            copy.take(page, clock.now(), clock.lease())
            if page.end:
                return

    async def end(self) -> None:
        """Begin a new history: all that was issued before is over, at the store by rule and everywhere by one entry."""
        await self._ledger.decide(partial(self._ended, self._ledger))

    async def _ended(self, store: Store | Ledger) -> None:
        [record] = await store.get(TERM)
        if record is None:
            raise StoreUnavailable("the store has no term")
        term = Term.after(TERM_CODEC.decode(record), self._ledger.clock.now())
        told = self._ledger.raised(EVERYTHING, term.gen)
        noted = self._ledger.noted(Act.EVERYTHING_ENDED)
        await store.commit(Replace(self._record(term), record.version), told, *noted, *await self._also(store))

    async def _begun(self, store: Store) -> Term:
        [record] = await store.get(TERM)
        if record is not None:
            term = TERM_CODEC.decode(record)
            if term.importing:
                raise StoreUnavailable(UNFINISHED)
            return term
        now = self._ledger.clock.now()
        term = Term(int(now))
        try:
            await store.commit(Insert(self._record(term)), begun(now, self._ledger.chance))
        except Conflict:  # another process was faster
            return await self._begun(store)
        return term

    def _record(self, term: Term) -> Record:
        return Record(*TERM, TERM_CODEC.encode(term), self._ledger.version())


def begun(now: float, chance: Chance) -> Append:
    """The first entry of a log, which names a history that was never there before."""
    return Append(REVOCATIONS, log.encode(Began(written(chance(16)))), now + LATE, TERM[1][0])
