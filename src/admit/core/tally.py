"""What a gate counts: plain numbers, which whoever shows them reads when he does."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields

from admit.errors import AdmitError, Denied


@dataclass(slots=True)
class Tally:
    """How credentials were answered so far, by what it took."""

    seen_before: int = 0
    """Found among what was seen before: no signature, no store."""

    verified: int = 0
    """Its signature and claims were verified, here."""

    looked_up: int = 0
    """The store was asked, or the authority."""

    refused: int = 0
    """It is bad, has expired or was ended."""

    unanswered: int = 0
    """Neither yes nor no: the store gave no answer, or it could not be proven that nothing newer withdrew it."""

    not_accepted: int = 0
    """It was all there was, and credentials of its kind do not count where it was presented; good or bad, nobody looked."""

    @property
    def accepted(self) -> int:
        """Those that were good."""
        return self.seen_before + self.verified + self.looked_up

    def failed(self, error: AdmitError) -> None:
        """Count an answer that was none, or no."""
        if isinstance(error, Denied):
            self.refused += 1
        else:
            self.unanswered += 1


Tallies = dict[str, Tally]
"""A tally for each kind of credential, by the door at which it is presented."""


def begun(doors: Iterable[str]) -> Tallies:
    """Tallies in which nothing was counted yet."""
    return {door: Tally() for door in doors}


def total(tallies: Iterable[Tally]) -> Tally:
    """What ``tallies`` have counted together."""
    counted = list(tallies)
    return Tally(**{path: sum(getattr(one, path) for one in counted) for path in PATHS})


PATHS = tuple(one.name for one in fields(Tally))
"""What it may have taken, by name."""
