"""Giving a token back (RFC 7009): whoever has it may end it."""

from __future__ import annotations

from contextlib import suppress
from typing import Annotated

from fastapi import APIRouter, Depends, Response

from admit.errors import BadCredential
from admit.web.caller import Asked, Auth
from admit.web.openapi import TOKEN_FORM, problems
from admit.web.pages.form import token_of

router = APIRouter(tags=["tokens"])


@router.post(
    "/revoke",
    responses=problems(400, 401, 415, 503),
    response_class=Response,
    openapi_extra={"requestBody": TOKEN_FORM},
)
async def revoke(token: Annotated[str, Depends(token_of)], request: Asked, auth: Auth) -> Response:
    """End a token: of a refresh token the whole session, of an access token itself alone.

    The answer is the same for one that was never good (RFC 7009, section 2.2).
    """
    if request.values(b"authorization"):
        # A service sees the tokens of others; the key it verifies with is no right to end them.
        raise BadCredential("nobody authenticates here: to have the token is enough, and all")
    with suppress(BadCredential):
        await auth.tokens.end_presented(token)
    return Response()
