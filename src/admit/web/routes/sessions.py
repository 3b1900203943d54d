"""Sessions: signing in for a cookie, seeing one's sessions, ending them."""

from __future__ import annotations

from contextlib import suppress

from fastapi import APIRouter, Response
from pydantic import BaseModel

from admit import sessions
from admit.authority import Authority
from admit.core.device import device_of
from admit.core.ids import is_id
from admit.core.presented import COOKIE
from admit.core.request import Request
from admit.errors import BadInput, Denied
from admit.web.caller import Asked, Auth, Caller, Credentials, Lately, Owner, hand_out, proven
from admit.web.openapi import SIGNED_IN, problems
from admit.web.routes.tokens import end_refreshed

router = APIRouter(tags=["sessions"])


class SignedIn(BaseModel):
    """A session that began. Times are Unix seconds."""

    subject: str
    session: str
    expires_at: int


class Session(BaseModel):
    """A session of one's own. ``current`` is the one that asks; times are Unix seconds."""

    id: str
    current: bool
    device: str
    methods: list[str]
    created_at: int
    authenticated_at: int
    seen_at: int
    expires_at: int


class Sessions(BaseModel):
    """One's sessions, the latest first."""

    sessions: list[Session]


@router.post("/sign-in", responses=problems(401, 422, 429))
async def sign_in(body: Credentials, request: Asked, response: Response, auth: Auth) -> SignedIn:
    """Sign in for a cookie. A session whose cookie came along is ended: nobody grows into a planted one."""
    proof, known_device = await proven(auth, body, request)
    await _end_presented(auth, request)
    started = await auth.sessions.start(proof, device=device_of(request))
    hand_out(response, started, known_device)
    session = started.session
    return SignedIn(subject=session.subject, session=session.id, expires_at=int(session.ends_at))


@router.post("/sign-out", status_code=204, responses=problems(401), openapi_extra=SIGNED_IN)
async def sign_out(who: Caller, request: Asked, response: Response, auth: Auth) -> None:
    """End the session of this request and all its credentials, on the server; cookies are cleared too.

    A session whose refresh token came along in a cookie ends with it.
    """
    await auth.revoke(who)
    await end_refreshed(auth, request)
    if who.credential == "session":
        forget(response, auth)
    else:
        response.headers.append("Set-Cookie", auth.refresh_cookies.clearing())


@router.post("/sign-out-others", status_code=204, responses=problems(401, 403), openapi_extra=SIGNED_IN)
async def sign_out_others(who: Lately, response: Response, auth: Auth) -> None:
    """End all of one's sessions but this one, which gets a new cookie, or whose client refreshes.

    What else presented it ends: by cookie its refresh tokens, by token its cookie, and no token gets another. Whoever
    signed in too long ago signs in again first (``step_up``).
    """
    session = await auth.sessions.presented(who)
    by_token = who.credential == "token"
    started = await auth.sessions.sign_out_everywhere(who.subject, keep=session, by_token=by_token)
    if not by_token:  # a cookie lasts as long as its session, and nothing but a lent token was shown
        hand_out(response, started)


@router.get("/sessions", responses=problems(401, 403), openapi_extra=SIGNED_IN)
async def list_sessions(who: Owner, auth: Auth) -> Sessions:
    """One's sessions, on all devices; not for a token that allows less than the roles do."""
    return Sessions(sessions=[_told(session, who.session) for session in await auth.sessions.of(who.subject)])


@router.delete("/sessions/{id}", status_code=204, responses=problems(401, 403, 404), openapi_extra=SIGNED_IN)
async def end_session(id: str, who: Lately, auth: Auth) -> None:
    """End one of one's own sessions. Somebody else's is answered like one that does not exist.

    Whoever signed in too long ago signs in again first (``step_up``); to sign out oneself needs nothing.
    """
    session = await auth.sessions.get(id) if is_id(id) else None
    if session is None or session.subject != who.subject:
        raise BadInput("not_found", "You have no such session.")
    await auth.revoke(session)


async def _end_presented(auth: Authority, request: Request) -> None:
    # OWASP ASVS 5.0, 7.2.4. A cookie that is not good any more ends nothing, and is no reason to refuse.
    with suppress(Denied):
        await auth.revoke(await auth.admit(request, accept=(COOKIE,)))


def forget(response: Response, auth: Authority) -> None:
    """Make the browser forget the cookies, and what it kept for this origin (OWASP ASVS 5.0, 14.3.1)."""
    for rule in (auth.cookies, auth.refresh_cookies):
        response.headers.append("Set-Cookie", rule.clearing())
    # Not "cookies": that would take those of every other host of the domain along.
    response.headers["Clear-Site-Data"] = '"cache", "storage"'


def _told(session: sessions.Session, current: str | None) -> Session:
    return Session(
        id=session.id,
        current=session.id == current,
        device=session.device,
        methods=list(session.methods),
        created_at=int(session.created_at),
        authenticated_at=int(session.authenticated_at),
        seen_at=int(session.seen_at),
        expires_at=int(session.ends_at),
    )
