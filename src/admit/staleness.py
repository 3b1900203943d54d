"""How old what is known may be when somebody accepts by it: what all who serve a store agree on, and verifiers hear of.

Whoever starts last and was told a bound decides, and the log tells it. Who reads of a larger bound only begins with it what it learns from
then on; who reads of a smaller one holds it at once, and who is cut off holds the one before no longer than that lasts.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import msgspec

from admit.core.audit import Act
from admit.core.codec import Codec
from admit.core.lease import CLOCKS_RUN, LONGEST, MAX_STALENESS
from admit.core.log import Allowed, Copy
from admit.core.store import LATE, Change, Insert, Key, Record, Replace, Store
from admit.core.world import Clock
from admit.ledger import TERM, Ledger


class Agreed(msgspec.Struct, frozen=True):
    """That ``seconds`` count since ``at`` (Unix seconds); ``before`` is the most by which somebody may still have gone."""

    seconds: float
    at: float
    before: float

    def changed(self, seconds: float, now: float) -> Agreed:
        """That from ``now`` on other seconds count."""
        before = max(self.seconds, self.before) if self.is_recent(now) else self.seconds
        # Later than what was agreed before, whatever the clock says.
        return Agreed(seconds, max(now, self.at + 0.001), before)

    def is_recent(self, now: float) -> bool:
        """Whether somebody may still go by what was agreed before."""
        return now < self.at + LATE

    @property
    def told(self) -> Allowed:
        """What the log tells of it."""
        return Allowed(self.seconds, self.at, self.before)


CODEC = Codec("staleness", Agreed)
AGREED: Key = (CODEC.kind, TERM[1])
"""The record of what was agreed last."""


class Staleness:
    """``told`` is what this process was told, if anything; once it is agreed on, what the log says last counts."""

    def __init__(self, told: float | None, copy: Copy, clock: Clock) -> None:
        self._told = told
        self._copy = copy
        self._clock = clock
        self._heard: Allowed | None = None
        self._still: list[tuple[float, float]] = []

    @property
    def seconds(self) -> float:
        """What verifiers are told."""
        allowed = self._copy.allowed
        return (self._told or MAX_STALENESS) if allowed is None else allowed.seconds

    def lasts(self) -> float:
        """Seconds after which whatever has ended by now is accepted nowhere, by any clock.

        After a smaller bound was agreed on, the larger one counts for as long as somebody who has not heard may go by it.
        """
        with self._copy.lock:  # figures are told by another thread
            allowed, lease = self._copy.allowed, self._clock.lease()
            if allowed is not None and allowed != self._heard:
                self._heard = allowed
                if self._clock.now() < allowed.at + LATE:
                    self._still.append((allowed.before, lease + allowed.before * CLOCKS_RUN))
            self._still = [one for one in self._still if lease < one[1]]
            return max(self.seconds, *(before for before, _ in self._still), 0.0) * CLOCKS_RUN

    def begin_anew(self) -> None:
        """Go by another history from now on; verifiers may have been told anything in the one that was lost."""
        with self._copy.lock:
            self._copy.allowed = None
            self._still.append((LONGEST, self._clock.lease() + LONGEST * CLOCKS_RUN))

    async def agree(self, store: Store, ledger: Ledger) -> None:
        """Have ``store``, whose log was read to its end, say what this process was told. Raises StoreError."""
        agreed = await ledger.decide(partial(self._agreed, store, ledger))
        self._copy.apply(agreed.told, self._clock.now(), self._clock.lease())
        self.lasts()  # what was agreed before lasts from now on, at the longest

    async def anew(self, ledger: Ledger, store: Store | Ledger) -> Sequence[Change]:
        """What says it again in ``store``, counting with the most there is, to be committed with whatever ends all."""
        now = self._clock.now()
        [record] = await store.get(AGREED)
        if record is None:
            first = Agreed(self._told or MAX_STALENESS, now, LONGEST)
            return Insert(_record(first, ledger)), ledger.allowed(first.told)
        agreed = CODEC.decode(record)
        changed = agreed.changed(self._told or agreed.seconds, now)
        changed = msgspec.structs.replace(changed, before=LONGEST)
        noted = ledger.noted(Act.STALENESS_CHANGED, what=f"{changed.seconds:g}")
        told = Replace(_record(changed, ledger), record.version), ledger.allowed(changed.told)
        return told if changed.seconds == agreed.seconds else (*told, *noted)

    async def _agreed(self, store: Store, ledger: Ledger) -> Agreed:
        now = self._clock.now()
        [record] = await store.get(AGREED)
        if record is None:
            first = Agreed(self._told or MAX_STALENESS, now, 0.0)
            await store.commit(Insert(_record(first, ledger)))
            return first
        agreed = CODEC.decode(record)
        if self._told in (None, agreed.seconds):
            return agreed
        changed = agreed.changed(self._told or agreed.seconds, now)
        noted = ledger.noted(Act.STALENESS_CHANGED, what=f"{changed.seconds:g}")
        await store.commit(Replace(_record(changed, ledger), record.version), ledger.allowed(changed.told), *noted)
        return changed


def _record(agreed: Agreed, ledger: Ledger) -> Record:
    return Record(*AGREED, CODEC.encode(agreed), ledger.version())
