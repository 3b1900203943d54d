"""The decision itself: does what was found true of a credential still hold? Pure, and the same everywhere."""

from __future__ import annotations

import msgspec

from admit.core.ids import CLIENT
from admit.core.log import Copy
from admit.core.principal import Principal
from admit.errors import Expired, Revoked

MAX_LOOK_UP_USE = 5 * 60.0
"""Seconds a look-up is used, at most; a ceiling of the protocol."""


class Outdated(Revoked):
    """Found true under a generation that was raised since: another look-up may find it again, under the new one."""


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
        raise Outdated("from before the last restore")
    raised = copy.raised
    if raised:
        if gen < raised.get(principal.subject, 0):
            raise Outdated("the subject has changed since")
        client = principal.client
        if client is not None and principal.client_gen < raised.get(f"{CLIENT}{client}", 0):
            raise Outdated("the client has changed since")
