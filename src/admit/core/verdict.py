"""The decision itself: does what was found true of a credential still hold? Pure, and the same everywhere."""

from __future__ import annotations

import msgspec

from admit.core.log import Copy
from admit.core.principal import Principal
from admit.errors import Expired, Revoked


class Seen(msgspec.Struct, frozen=True):
    """A credential that was found good: for whom, and until when (Unix seconds) that finding may be used."""

    principal: Principal
    until: float


def judge(seen: Seen, copy: Copy, now: float) -> None:
    """Return if ``seen`` still holds at ``now`` for somebody who knows ``copy``; else raise Expired or Revoked.

    A finding is checked each time it is used and never invalidated, so a read that was slow cannot bring
    back what has ended meanwhile.
    """
    if now >= seen.until:
        raise Expired("past its time")
    principal = seen.principal
    marks = principal.marks
    for kind, ids in copy.live:
        if marks[kind] in ids:
            raise Revoked(f"{kind.name.lower()} {marks[kind]} has ended")
    gen = principal.gen
    if gen < copy.term:
        raise Revoked("from before the last restore")
    raised = copy.raised
    if raised and gen < raised.get(principal.subject, 0):
        raise Revoked("the subject has changed since")
