"""The public keys that access tokens are verified with."""

from __future__ import annotations

from fastapi import APIRouter, Response
from pydantic import BaseModel

from admit.web.caller import Auth
from admit.web.openapi import problems

router = APIRouter(tags=["keys"])

MAX_AGE = 300
"""Seconds a verifier may keep the keys without asking; a new one is published ten minutes before it signs."""


class Keys(BaseModel):
    """A JWK Set (RFC 7517, section 5): public members only."""

    keys: list[dict[str, str]]


@router.get("/.well-known/jwks.json", responses=problems(503))
async def jwks(response: Response, auth: Auth) -> Keys:
    """The keys that verify access tokens now or will soon."""
    # The one answer that is not no-store: it is the same for everybody, and every verifier comes for it.
    response.headers["Cache-Control"] = f"public, max-age={MAX_AGE}"
    return Keys.model_validate(await auth.keys.jwks())
