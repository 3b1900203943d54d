"""Activity: what was done to one's own account, by whom and from where, as the audit log has it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel

from admit.core.audit import Entry
from admit.web.caller import Auth, Owner
from admit.web.openapi import SIGNED_IN, problems

router = APIRouter(tags=["accounts"])

AT_ONCE = 50
"""Entries of a page, unless fewer are asked for."""

PLACE_LENGTH = 21


class Activity(BaseModel):
    """Something that was done to one's account. ``at`` is in Unix seconds, ``act`` one of those in the audit log.

    ``failed`` says why nothing came of it, ``times`` how often that was tried within the hour. ``by`` is ``you``,
    ``operator``, the subject that did it, or null where nobody was signed in; ``session`` is the one it was about.
    """

    id: str
    at: int
    act: str
    failed: str | None
    times: int
    by: str | None
    session: str | None
    address: str | None
    device: str | None


class Activities(BaseModel):
    """A page of one's activity, the newest first; ``after``, where there is more, continues it."""

    activity: list[Activity]
    after: str | None


@router.get("/activity", responses=problems(401, 403, 422), openapi_extra=SIGNED_IN)
async def activity(
    who: Owner,
    auth: Auth,
    after: Annotated[str | None, Query(min_length=PLACE_LENGTH, max_length=PLACE_LENGTH)] = None,
    limit: Annotated[int, Query(ge=1, le=AT_ONCE)] = AT_ONCE,
) -> Activities:
    """What was done to one's account, and nobody else's; not for a token that allows less than the roles do."""
    page = await auth.audit.page(after, subject=who.subject, limit=limit)
    return Activities(activity=[_told(entry) for entry in page.entries], after=page.after)


def by(entry: Entry) -> str | None:
    """Who did it, as he whom it happened to may know: operators are one to him."""
    if entry.credential == "operator":
        return "operator"
    return "you" if entry.actor == entry.subject else entry.actor or None


def _told(entry: Entry) -> Activity:
    return Activity(
        id=entry.id,
        at=int(entry.at),
        act=entry.act,
        failed=entry.failed or None,
        times=entry.times,
        by=by(entry),
        session=entry.what or None,
        address=entry.address or None,
        device=entry.device or None,
    )
