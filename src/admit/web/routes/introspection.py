"""Asking what a token is worth at this moment, for services that follow no log, in any language."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from admit.core.principal import Ends
from admit.core.scope import written
from admit.errors import Denied
from admit.web.caller import Auth, Service
from admit.web.openapi import TOKEN_FORM, problems
from admit.web.pages.form import token_of

router = APIRouter(tags=["verifiers"])


class Introspection(BaseModel):
    """What a token is at this moment (RFC 7662, section 2.2); of one that is not good, that it is not ``active``.

    Times are Unix seconds. Of a session cookie ``exp`` says when the session ends if nobody uses it, and
    ``usable_for`` for how many seconds this answer may be used by a service that follows the revocation log; others
    ask each time. ``gen`` is the subject's generation, which an entry of the log may raise.
    """

    active: bool
    iss: str | None = None
    sub: str | None = None
    aud: str | None = None
    client_id: str | None = None
    scope: str | None = None
    token_type: str | None = None
    exp: int | None = None
    auth_time: int | None = None
    jti: str | None = None
    sid: str | None = None
    roles: list[str] | None = None
    amr: list[str] | None = None
    gen: int | None = None
    usable_for: float | None = None


@router.post(
    "/introspect",
    responses=problems(400, 401, 415, 503),
    response_model_exclude_none=True,
    openapi_extra={"security": [{"verifier": []}], "requestBody": TOKEN_FORM},
)
async def introspect(
    by: Service,
    token: Annotated[str, Depends(token_of)],
    auth: Auth,
) -> Introspection:
    """What an access token for one's own audience is worth now (RFC 7662): the way to ask for who follows no log.

    A service for the authority's own audience may ask about session cookies too; that counts as their use.
    """
    try:
        seen = await auth.ask(token, by.audience)
        who = seen.principal
        cookie = who.credential == "session"
        exp = await auth.sessions.lasts(who, auth.clock.now()) if cookie else who.expires_at
    except Denied:
        # RFC 7662, section 2.2: why not is nobody's business.
        return Introspection(active=False)
    return Introspection(
        active=True,
        iss=auth.issuer,
        sub=who.subject,
        aud=by.audience,
        client_id=who.client,
        scope=written(who.scope),
        token_type=None if cookie else "Bearer",
        exp=int(exp),
        auth_time=int(who.authenticated_at),
        jti=who.marks[Ends.TOKEN] or None,
        sid=who.session,
        roles=sorted(who.roles),
        amr=list(who.methods),
        gen=who.gen,
        usable_for=max(0.0, seen.until - auth.clock.now()) if cookie else None,
    )
