"""API keys: making, seeing, rotating, confirming and ending one's own."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field, StrictFloat, StrictInt

from admit import api_keys
from admit.authority import Authority
from admit.core import throttle
from admit.core.principal import Principal
from admit.errors import BadInput
from admit.web.caller import Auth, Body, Lately, Owner
from admit.web.openapi import SIGNED_IN, problems

router = APIRouter(tags=["API keys"])

# How the service's arguments are called in the body.
_FIELDS = {"life": "expires_in"}

Seconds = Annotated[StrictInt | StrictFloat, Field(ge=0, le=api_keys.LONGEST_LIFE)]


class Limit(Body):
    """At most ``hits`` uses in each window of ``window`` seconds, counted from the Unix epoch."""

    hits: Annotated[int, Field(ge=1)]
    window: Annotated[StrictInt | StrictFloat, Field(ge=1)]


class NewKey(Body):
    """What a key is to be. ``scope`` is a part of what one may oneself; null: all of it, always.

    ``expires_in`` is in seconds. ``networks`` are addresses or networks that it is used from; none: from anywhere.
    """

    name: str
    scope: str | None = None
    expires_in: Seconds = api_keys.USUAL_LIFE
    networks: list[str] = Field(default_factory=list, max_length=32)
    limit: Limit | None = None


class Rotation(Body):
    """For how many seconds the old key goes on beside the new one: 0, or 5 minutes to 30 days."""

    overlap: Seconds = 0


class Key(BaseModel):
    """A key of one's own, without its secret. Times are Unix seconds; ``used_at`` is exact to five minutes.

    ``suspended`` is a key from before a backup was put back: it works once it was confirmed.
    """

    id: str
    name: str
    scope: str | None
    created_at: int
    expires_at: int
    used_at: int | None
    networks: list[str]
    limit: Limit | None
    suspended: bool


class Keys(BaseModel):
    """One's keys, the latest first."""

    keys: list[Key]


class Made(Key):
    """A key with its text, ``key``, shown this once."""

    key: str


@router.get("/keys", responses=problems(401, 403), openapi_extra=SIGNED_IN)
async def list_keys(who: Owner, auth: Auth) -> Keys:
    """One's API keys, those that are suspended too; not for a token that allows less than the roles do."""
    return Keys(keys=[told(auth, key) for key in await auth.api_keys.of(who.subject)])


@router.post("/keys", status_code=201, responses=problems(401, 403, 422), openapi_extra=SIGNED_IN)
async def create(body: NewKey, who: Lately, auth: Auth) -> Made:
    """Make an API key for oneself. Whoever signed in too long ago signs in again first (``step_up``)."""
    return await made(auth, who, body)


@router.post("/keys/{id}/rotate", status_code=201, responses=problems(401, 403, 404, 422), openapi_extra=SIGNED_IN)
async def rotate(id: str, body: Rotation, who: Lately, auth: Auth) -> Made:
    """Another key like this one, in its place at once, or while the old one goes on for ``overlap`` seconds."""
    created = await auth.api_keys.rotate(who, id, overlap=body.overlap)
    return shown(auth, created)


@router.post("/keys/{id}/confirm", responses=problems(401, 403, 404), openapi_extra=SIGNED_IN)
async def confirm(id: str, who: Lately, auth: Auth) -> Key:
    """Let a key go on that is suspended since a backup was put back."""
    return told(auth, await auth.api_keys.confirm(who, id))


@router.delete("/keys/{id}", status_code=204, responses=problems(401, 403, 404), openapi_extra=SIGNED_IN)
async def revoke(id: str, who: Lately, auth: Auth) -> None:
    """End one of one's own keys. Somebody else's is answered like one that does not exist."""
    key = await auth.api_keys.get(id)
    if key is None or key.owner != who.subject:
        raise api_keys.none()
    await auth.revoke(key)


async def made(auth: Authority, who: Principal, body: NewKey) -> Made:
    """The key that ``body`` asks for, of ``who``. Raises BadInput, whose field is one of the body."""
    limit = None if body.limit is None else throttle.Limit(body.limit.hits, body.limit.window)
    try:
        created = await auth.api_keys.create(
            who, body.name, scope=body.scope, life=body.expires_in, networks=body.networks, limit=limit
        )
    except BadInput as error:
        error.field = _FIELDS.get(error.field or "", error.field)
        raise
    return shown(auth, created)


def shown(auth: Authority, created: api_keys.Created) -> Made:
    """A key that was just made, with its text."""
    return Made(**told(auth, created.key).model_dump(), key=created.text)


def told(auth: Authority, key: api_keys.ApiKey) -> Key:
    """What its owner is told of a key."""
    return Key(
        id=key.id,
        name=key.name,
        scope=key.scope,
        created_at=int(key.created_at),
        expires_at=int(key.expires_at),
        used_at=int(key.used_at) or None,
        networks=list(key.networks),
        limit=None if key.limit is None else Limit(hits=key.limit.hits, window=key.limit.window),
        suspended=auth.api_keys.is_suspended(key),
    )
