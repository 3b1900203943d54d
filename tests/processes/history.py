"""Judges what verifiers did by when things were revoked: what came too late, what came back, and how often they were of use."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from processes.machine import Look, starved
from processes.verifying import ACCEPTED, REVOKED, SWEEP_EVERY, Try


@dataclass
class Token:
    """What was revoked when: ``ending`` when somebody began to, ``ended`` when it was acknowledged."""

    shown: float
    ending: float = math.inf
    ended: float = math.inf


@dataclass(frozen=True)
class Fault:
    """What was done to which verifiers, and until when."""

    what: str
    began: float
    healed: float
    whom: frozenset[int]


@dataclass(frozen=True)
class Use:
    """Tries of live tokens outside faults: accepted, accepted or refused without excuse, and all."""

    accepted: int
    judged: int
    tries: int

    @property
    def share(self) -> float:
        return self.accepted / self.judged if self.judged else 1.0


@dataclass
class History:
    """All that happened, on one clock (seconds). ``books`` holds the tries of each verifier, in their order."""

    bound: float
    tokens: list[Token] = field(default_factory=list[Token], repr=False)
    faults: list[Fault] = field(default_factory=list[Fault])
    books: Mapping[int, Sequence[Try]] = field(default_factory=dict[int, Sequence[Try]], repr=False)
    asking: frozenset[int] = frozenset()
    """Verifiers that ask when they do not know, and wait for it: their own pauses say nothing about this machine."""
    looks: Sequence[Look] = field(default_factory=list[Look], repr=False)
    """How long this machine kept whom waiting."""

    def _tries(self) -> Iterator[tuple[int, Try]]:
        return ((verifier, one) for verifier, book in self.books.items() for one in book)

    @property
    def worst(self) -> float:
        """How long after its revocation was acknowledged an accepted verification began, at most."""
        late = (one.began - self.tokens[one.token].ended for _, one in self._tries() if one.answer == ACCEPTED)
        return max((by for by in late if by > 0), default=0.0)

    def late(self, lag: float = 0.0) -> list[str]:
        """Acceptances later than the bound allows, and the ``lag`` of the store (P1)."""
        return [
            f"verifier {verifier} accepted token {one.token} {one.began - self.tokens[one.token].ended:.3f} s after its end"
            for verifier, one in self._tries()
            if one.answer == ACCEPTED and one.began > self.tokens[one.token].ended + self.bound + lag
        ]

    def revived(self) -> list[str]:
        """Acceptances of what the same verifier, in this life or an earlier one, had refused as revoked (P4)."""
        found: list[str] = []
        for verifier, book in self.books.items():
            gone: set[int] = set()
            for one in book:
                if one.answer == REVOKED:
                    gone.add(one.token)
                elif one.answer == ACCEPTED and one.token in gone:
                    found.append(f"verifier {verifier} accepted token {one.token} again")
        return found

    def wrongly_ended(self) -> list[str]:
        """Refusals as revoked of what nobody had begun to revoke."""
        return [
            f"verifier {verifier} refused token {one.token}, which was alive"
            for verifier, one in self._tries()
            if one.answer == REVOKED and one.answered < self.tokens[one.token].ending
        ]

    def excused(self) -> dict[int, _Spans]:
        """When nobody can say that a verifier refuses the living: this machine kept it, or what serves all, waiting.

        After that it has as long to come back as after a fault.
        """
        gaps = list(self._gaps())
        return {
            verifier: _Spans(
                [(start, end + 2 * self.bound) for start, end in (*gaps, *starved(self.looks, verifier, self.bound))]
            )
            for verifier in self.books
        }

    @property
    def busy(self) -> float:
        """The share of all time in which a verifier was excused."""
        spans = [
            (excused, self.books[verifier]) for verifier, excused in self.excused().items() if self.books[verifier]
        ]
        in_all = sum(book[-1].began - book[0].began for _, book in spans)
        return sum(excused.within(book[0].began, book[-1].began) for excused, book in spans) / in_all if in_all else 0.0

    def _gaps(self) -> Iterator[tuple[float, float]]:
        """When some verifier did nothing, though it only wanted to go on."""
        for verifier, book in self.books.items():
            if verifier in self.asking:
                continue
            times, faults = [one.began for one in book], self._around_faults(verifier)
            for before, after in pairwise(times):
                if after - before > SWEEP_EVERY + self.bound / 8 and not faults.touch(before, after):
                    yield before, after

    def use(self) -> Use:
        """How live tokens fared outside faults."""
        excused, accepted, judged, tries = self.excused(), 0, 0, 0
        faults = {verifier: self._around_faults(verifier) for verifier in self.books}
        for verifier, one in self._tries():
            token = self.tokens[one.token]
            if not token.shown <= one.began < token.ending or faults[verifier].touch(one.began, one.began):
                continue
            tries += 1
            accepted += one.answer == ACCEPTED
            judged += one.answer == ACCEPTED or not excused[verifier].touch(one.began, one.began)
        return Use(accepted, judged, tries)

    def returns(self) -> Iterator[tuple[int, float]]:
        """Of each verifier after each fault that touched it: seconds from the healing to the first acceptance.

        Faults that touch each other are one. Those seconds do not count in which this machine excuses it.
        """
        excused = self.excused()
        for verifier, book in self.books.items():
            accepted = [one.began for one in book if one.answer == ACCEPTED]
            for healed in self._healings(verifier):
                next_one = bisect_left(accepted, healed)
                first = accepted[next_one] if next_one < len(accepted) else math.inf
                yield verifier, first - healed - excused[verifier].within(healed, first)

    def _healings(self, verifier: int) -> list[float]:
        """When it was out of all faults, for as long as it may need to return."""
        return [end - 2 * self.bound for _, end in self._around_faults(verifier).merged]

    def _around_faults(self, verifier: int) -> _Spans:
        """The faults that touch it, each with the time it has to return in."""
        return _Spans([(fault.began, fault.healed + 2 * self.bound) for fault in self.faults if verifier in fault.whom])


class _Spans:
    """Spans of time, asked about in any order."""

    def __init__(self, spans: Sequence[tuple[float, float]]) -> None:
        self.merged: list[tuple[float, float]] = []
        for start, end in sorted(spans):
            if self.merged and start <= self.merged[-1][1]:
                self.merged[-1] = (self.merged[-1][0], max(end, self.merged[-1][1]))
            else:
                self.merged.append((start, end))
        self._ends = [end for _, end in self.merged]

    def touch(self, start: float, end: float) -> bool:
        place = bisect_left(self._ends, start)
        return place < len(self.merged) and self.merged[place][0] <= end

    def within(self, start: float, end: float) -> float:
        """Seconds of them between ``start`` and ``end``."""
        return sum(max(0.0, min(end, until) - max(start, since)) for since, until in self.merged)
