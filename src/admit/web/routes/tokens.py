"""Tokens: signing in for them, and refreshing them."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel, SecretStr

from admit.tokens import Pair
from admit.web.caller import Asked, Auth, Body, Credentials, hand_out, proven
from admit.web.device import device_of
from admit.web.openapi import problems

router = APIRouter(tags=["tokens"])


class SignIn(Credentials):
    """Who signs in, and optionally for how little (``scope``); what the account does not hold is left out."""

    scope: str | None = None


class Refresh(Body):
    """The latest refresh token of a session."""

    refresh_token: SecretStr


class Tokens(BaseModel):
    """Tokens (RFC 6749, section 5.1): ``expires_in`` is the life of the access token in seconds."""

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - the name of a scheme
    expires_in: int
    refresh_token: str
    scope: str


@router.post("/tokens", responses=problems(401, 422, 429))
async def sign_in(body: SignIn, request: Asked, response: Response, auth: Auth) -> Tokens:
    """Sign in for tokens: a new session without a cookie of its own."""
    proof, known_device = await proven(auth, body, request)
    # RFC 6749, 3.3: less than was asked for may be given, and the answer says what.
    started = await auth.sessions.start(proof, cookie=False, scope=body.scope, device=device_of(request))
    hand_out(response, started, known_device)
    return _tokens(await auth.tokens.issue(started.session))


@router.post("/refresh", responses=problems(401, 422))
async def refresh(body: Refresh, auth: Auth) -> Tokens:
    """The next tokens of a session. A refresh token that was spent long ago ends it: somebody holds a copy."""
    return _tokens(await auth.tokens.refresh(body.refresh_token.get_secret_value()))


def _tokens(pair: Pair) -> Tokens:
    return Tokens(
        access_token=pair.access_token,
        expires_in=pair.expires_in,
        refresh_token=pair.refresh_token,
        scope=pair.scope,
    )
