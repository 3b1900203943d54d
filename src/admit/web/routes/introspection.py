"""Asking what a token is worth at this moment, for services that follow no log, in any language."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from admit.authority import Authority
from admit.core.principal import Ends, Principal
from admit.core.scope import written
from admit.core.verdict import Seen
from admit.errors import Denied
from admit.web.caller import Auth, Service
from admit.web.openapi import QUESTION_FORM, problems
from admit.web.pages.form import question_of

router = APIRouter(tags=["verifiers"])


class Limit(BaseModel):
    """At most ``hits`` uses in each window of ``window`` seconds."""

    hits: int
    window: float


class Introspection(BaseModel):
    """What a token is at this moment (RFC 7662, section 2.2); of one that is not good, that it is not ``active``.

    Times are Unix seconds. Of a session cookie ``exp`` says when the session ends if nobody uses it; of it and of an API
    key ``usable_for`` says for how many seconds this answer may be used by a service that follows the revocation log;
    others ask each time. ``gen`` is the subject's generation, which an entry of the log may raise. ``api_key`` is a key's
    id, ``networks`` are those it is used from, and ``limit`` is how often: its share, where several verifiers ask.
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
    api_key: str | None = None
    networks: list[str] | None = None
    limit: Limit | None = None


@router.post(
    "/introspect",
    responses=problems(400, 401, 415, 503),
    response_model_exclude_none=True,
    openapi_extra={"security": [{"verifier": []}], "requestBody": QUESTION_FORM},
)
async def introspect(
    by: Service,
    question: Annotated[tuple[str, bool], Depends(question_of)],
    auth: Auth,
) -> Introspection:
    """What an access token for one's own audience is worth now (RFC 7662): the way to ask for who follows no log.

    A service for the authority's own audience may ask about session cookies and API keys too; that counts as their use.
    Of a key that has conditions it is told nothing unless it says that it heeds them (``conditions=heeded``).
    """
    token, heeds = question
    try:
        seen = await auth.ask(token, by.audience)
        who = seen.principal
        cookie = who.credential == "session"
        exp = await auth.sessions.lasts(who, auth.clock.now()) if cookie else who.expires_at
    except Denied:
        # RFC 7662, section 2.2: why not is nobody's business.
        return Introspection(active=False)
    if who.conditions is not None and not heeds:
        # Else a key for one address would open whatever does not look where it comes from.
        return Introspection(active=False)
    return _told(auth, seen, exp, by.audience)


def _told(auth: Authority, seen: Seen, exp: float, audience: str) -> Introspection:
    who, looked_up = seen.principal, seen.principal.credential != "token"
    return Introspection(
        active=True,
        iss=auth.issuer,
        sub=who.subject,
        aud=audience,
        client_id=who.client,
        scope=written(who.scope),
        token_type=None if looked_up else "Bearer",
        exp=int(exp),
        auth_time=int(who.authenticated_at) or None,
        jti=who.marks[Ends.TOKEN] or None,
        sid=who.session,
        roles=sorted(who.roles),
        amr=list(who.methods),
        gen=who.gen,
        usable_for=max(0.0, seen.until - auth.clock.now()) if looked_up else None,
        api_key=who.marks[Ends.API_KEY] or None,
        **_conditions(who, len(auth.followers.lately())),
    )


def _conditions(who: Principal, verifiers: int) -> dict[str, Any]:
    """The conditions of ``who`` for one of so many verifiers, each of which has an equal share of the uses."""
    met = who.conditions
    if met is None:
        return {}
    limit = met.limit and Limit(hits=max(1, met.limit.hits // max(1, verifiers)), window=met.limit.window)
    return {"networks": list(met.networks), "limit": limit}
