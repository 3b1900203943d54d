"""Accounts: signing up, who one is, and one's password."""

from __future__ import annotations

from fastapi import APIRouter, Response
from pydantic import BaseModel, SecretStr

from admit.authority import Authority
from admit.errors import BadInput
from admit.web.answer import SignUpClosed
from admit.web.caller import Anybody, Asked, Auth, Body, Credentials, Owner, hand_out
from admit.web.openapi import LET_IN, SIGNED_IN, problems

router = APIRouter(tags=["accounts"])

SIGN_UP_ROLES = ("user",)
"""What everybody is who signs up; the configuration says what it allows."""

# How the service's arguments are called in the body.
_FIELDS = {"current": "current_password", "password": "new_password"}


class Account(BaseModel):
    """An account; ``id`` is the subject of its tokens."""

    id: str
    email: str


class Me(BaseModel):
    """Whom a credential speaks for. Times are Unix seconds; ``email`` is null for a subject without an account.

    Of an API key ``session`` is null and ``authenticated_at`` 0: nobody signed in.
    """

    subject: str
    email: str | None
    roles: list[str]
    scope: str
    credential: str
    session: str | None
    methods: list[str]
    authenticated_at: int
    expires_at: int


class PasswordChange(Body):
    """The present password, and the one that takes its place."""

    current_password: SecretStr
    new_password: SecretStr


def refuse_unless_open(auth: Authority) -> None:
    """Return if everybody may make an account. Raises SignUpClosed."""
    if auth.sign_up != "open":
        raise SignUpClosed("sign_up is closed")


@router.post("/sign-up", status_code=201, responses=problems(403, 409, 422, 429))
async def sign_up(body: Credentials, request: Asked, auth: Auth) -> Account:
    """Create an account, where sign-up is open. It is not signed in by this."""
    refuse_unless_open(auth)
    await auth.throttle.sign_up(request)
    account = await auth.accounts.create(body.email, body.password.get_secret_value(), roles=SIGN_UP_ROLES)
    return Account(id=account.id, email=account.email)


@router.get("/me", responses=problems(401, 429), openapi_extra=LET_IN)
async def me(who: Anybody, auth: Auth) -> Me:
    """Who is signed in by the credential of this request."""
    account = await auth.accounts.get(who.subject)
    return Me(
        subject=who.subject,
        email=None if account is None else account.email,
        roles=sorted(who.roles),
        scope=" ".join(sorted(who.scope)),
        credential=who.credential,
        session=who.session,
        methods=list(who.methods),
        authenticated_at=int(who.authenticated_at),
        expires_at=int(who.expires_at),
    )


@router.post("/password", status_code=204, responses=problems(401, 403, 422, 429), openapi_extra=SIGNED_IN)
async def change_password(body: PasswordChange, who: Owner, response: Response, auth: Auth) -> None:
    """Change one's password. Every other session ends; this one gets a new cookie, or its client refreshes.

    Whoever came by cookie goes on by the new one alone, for the refresh tokens of the session end. Whoever came by
    token refreshes, and its cookie ends; without a refresh token he gets a new cookie. A token for less than the roles
    allow changes nothing here, whoever knows the present password.
    """
    session = await auth.sessions.presented(who)
    current, new = body.current_password.get_secret_value(), body.new_password.get_secret_value()
    try:
        async with auth.throttle.confirm(session.id):
            by_token = who.credential == "token"
            started = await auth.accounts.change_password(session, current, new, by_token=by_token)
    except BadInput as error:
        error.field = _FIELDS.get(error.field or "", error.field)
        raise
    hand_out(response, started)
