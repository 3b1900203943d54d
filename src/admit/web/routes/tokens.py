"""Tokens: signing in for them, and refreshing them."""

from __future__ import annotations

from contextlib import suppress
from typing import Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field, SecretStr

from admit.authority import Authority
from admit.core.device import device_of
from admit.core.request import Request
from admit.errors import Denied, NoCredential
from admit.tokens import Pair
from admit.web.caller import Asked, Auth, Body, Credentials, hand_out, proven
from admit.web.openapi import REFRESHED, problems

router = APIRouter(tags=["tokens"])


class SignIn(Credentials):
    """Who signs in, and optionally for how little (``scope``); what the account does not hold is left out, and its roles.

    ``refresh`` says where the refresh token goes: into the body, or, for an application in a browser, into a cookie
    that no script can read and no other endpoint takes.
    """

    scope: str | None = None
    refresh: Literal["body", "cookie"] = "body"


class Refresh(Body):
    """The latest refresh token of a session; without one, that of the cookie counts, and the next goes there too."""

    refresh_token: SecretStr = Field(default_factory=lambda: SecretStr(""))
    refresh: Literal["body", "cookie"] = "body"


class Tokens(BaseModel):
    """Tokens (RFC 6749, section 5.1): ``expires_in`` is the life of the access token in seconds.

    ``refresh_token`` is missing where it went into a cookie.
    """

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - the name of a scheme
    expires_in: int
    refresh_token: str | None = None
    scope: str


@router.post("/tokens", responses=problems(401, 422, 429), response_model_exclude_none=True)
async def sign_in(body: SignIn, request: Asked, response: Response, auth: Auth) -> Tokens:
    """Sign in for tokens: a new session without a cookie of its own."""
    proof, known_device = await proven(auth, body, request)
    # RFC 6749, 3.3: less than was asked for may be given, and the answer says what.
    started = await auth.sessions.start(proof, cookie=False, scope=body.scope, device=device_of(request))
    hand_out(response, started, known_device)
    if body.refresh == "cookie":
        await end_refreshed(auth, request)
    return _tokens(await auth.tokens.issue(started.session), auth, response, cookie=body.refresh == "cookie")


@router.post("/refresh", responses=problems(401, 422), openapi_extra=REFRESHED, response_model_exclude_none=True)
async def refresh(body: Refresh, request: Asked, response: Response, auth: Auth) -> Tokens:
    """The next tokens of a session. A refresh token that was spent long ago ends it: somebody holds a copy."""
    if "refresh_token" in body.model_fields_set:  # and never the cookie where this one is bad
        pair = await auth.tokens.refresh(body.refresh_token.get_secret_value())
        return _tokens(pair, auth, response, cookie=body.refresh == "cookie")
    text = auth.refresh_cookies.read(request.values(b"cookie"))
    if text is None:
        raise NoCredential("no refresh token, neither in the body nor in a cookie")
    # Into the cookie whatever was asked for: a script that could ask for the token would hold it.
    return _tokens(await auth.tokens.refresh(text), auth, response, cookie=True)


async def end_refreshed(auth: Authority, request: Request) -> None:
    """End the session whose refresh token came as a cookie, where one did: its cookie is about to be lost."""
    with suppress(Denied):
        text = auth.refresh_cookies.read(request.values(b"cookie"))
        if text is not None:
            await auth.tokens.end(text)


def _tokens(pair: Pair, auth: Authority, response: Response, *, cookie: bool) -> Tokens:
    if cookie:
        response.headers.append("Set-Cookie", auth.refresh_cookies.line(pair.refresh_token, pair.ends_in))
    return Tokens(
        access_token=pair.access_token,
        expires_in=pair.expires_in,
        refresh_token=None if cookie else pair.refresh_token,
        scope=pair.scope,
    )
