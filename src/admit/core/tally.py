"""What a gate counts: plain numbers, which whoever shows them reads when he does."""

from __future__ import annotations

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


PATHS = tuple(one.name for one in fields(Tally))
"""What it may have taken, by name."""
