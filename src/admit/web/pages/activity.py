"""The activity page: what was done to one's account, in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from fastapi import APIRouter
from starlette.responses import Response

from admit.core.audit import Act, Entry
from admit.web.caller import Auth
from admit.web.pages.visitor import Shown, SignedIn
from admit.web.routes.activity import AT_ONCE, by

router = APIRouter()

# What it is called when it was done, and when it came to nothing.
_WORDS: Mapping[str, tuple[str, str]] = {
    Act.SIGN_IN: ("Signed in", "Failed sign-in"),
    Act.STEP_UP: ("Confirmed with the password", "Failed to confirm"),
    Act.TOKENS_ISSUED: ("Went over from a cookie to tokens", ""),
    Act.COOKIE_EXCHANGED: ("Went over from tokens to a cookie", ""),
    Act.SESSION_HANDED_OVER: ("Went on to another host", ""),
    Act.SIGN_OUT: ("Signed out", ""),
    Act.SIGN_OUT_EVERYWHERE: ("Signed out everywhere else", ""),
    Act.SESSION_ENDED: ("Device signed out", ""),
    Act.SESSION_DISPLACED: ("Oldest device signed out, for there were too many", ""),
    Act.REFRESH_REUSED: ("Device signed out: a copy of its token was used", ""),
    Act.TOKEN_REVOKED: ("Access token ended", ""),
    Act.ACCOUNT_CREATED: ("Account created", ""),
    Act.ACCOUNT_DISABLED: ("Account disabled", ""),
    Act.ACCOUNT_ENABLED: ("Account enabled", ""),
    Act.PASSWORD_CHANGED: ("Password changed", "Failed to change the password"),
    Act.PASSWORD_RESET: ("Password reset", ""),
    Act.API_KEY_CREATED: ("API key made", ""),
    Act.API_KEY_ROTATED: ("API key rotated", ""),
    Act.API_KEY_CONFIRMED: ("API key confirmed", ""),
    Act.API_KEY_REVOKED: ("API key ended", ""),
    Act.ROLES_CHANGED: ("Roles changed", ""),
}
_REASONS = {"wrong_password": "wrong password", "too_many": "too many tries", "may_not_sign_in": "not allowed to"}


@dataclass(frozen=True, slots=True)
class Line:
    """An entry as people read it."""

    at: float
    words: str
    device: str
    notes: str


def lines(entries: Iterable[Entry]) -> list[Line]:
    """What was done, in words; what a newer Admit calls otherwise, as it calls it."""
    return [_line(entry) for entry in entries]


@router.get("/account/activity")
async def activity_page(visitor: SignedIn, auth: Auth, pages: Shown, after: str = "") -> Response:
    """What was done to one's account, the newest first."""
    page = await auth.audit.page(after or None, subject=visitor.who.subject, limit=AT_ONCE)
    return pages.page("activity.html", lines=lines(page.entries), after=page.after, now=auth.clock.now())


def _line(entry: Entry) -> Line:
    done, failed = _WORDS.get(entry.act, (entry.act.replace("_", " ").capitalize(),) * 2)
    notes = [_REASONS.get(entry.failed, ""), f"{entry.times} times within an hour" if entry.times > 1 else ""]
    notes += ["by an operator" if by(entry) == "operator" else "", entry.address]
    words = (failed or done) if entry.failed else done
    return Line(entry.at, words, entry.device, " · ".join(filter(None, notes)))
