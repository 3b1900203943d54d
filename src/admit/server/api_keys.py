"""`admit api-keys`: the keys that programs act with in an account's name."""

from __future__ import annotations

from typing import Annotated

import typer

from admit.api_keys import USUAL_LIFE, ApiKey, Created
from admit.authority import Authority
from admit.core.scope import parse
from admit.core.throttle import Limit
from admit.errors import BadInput
from admit.server.command import Answer, Row, account, on
from admit.subjects import Before

app = typer.Typer(no_args_is_help=True, help="Make, see, rotate and end API keys. Acts at once, beside a server.")

_DAY = 86_400

Named = Annotated[str, typer.Argument(help="The e-mail address or the id of its owner.", metavar="ACCOUNT")]
Id = Annotated[str, typer.Argument(help="The id of an API key, as “list” shows it.", metavar="ID")]
Name = Annotated[str, typer.Option("--name", help="What the key is for.")]
Scope = Annotated[str | None, typer.Option("--scope", help="A part of what the owner may do; all of it if left out.")]
Days = Annotated[float, typer.Option("--days", help="For how long it is good.")]
Networks = Annotated[list[str], typer.Option("--network", help="Where it is used from; may be repeated.")]
Uses = Annotated[str | None, typer.Option("--limit", help="Uses in so many seconds, such as 100/60.")]
Overlap = Annotated[float, typer.Option("--overlap", help="Hours for which the old key goes on; 0: it ends at once.")]


@on(app, "create")
async def create(
    auth: Authority,
    *,
    named: Named,
    name: Name,
    scope: Scope = None,
    days: Days = USUAL_LIFE / _DAY,
    network: Networks = [],
    limit: Uses = None,
) -> Answer:
    """Make an API key for an account, shown this once.

    admit api-keys create backup@example.com --name nightly --scope links:read --network 192.0.2.0/24
    """
    found = await account(auth, named)
    before = await auth.subjects.before(found.id)
    allowed = None if limit is None else Limit.read(limit)
    if scope is not None:
        parse(scope)  # what is no scope at all is told so; of one that is, only too much is left to be said
    try:
        made = await auth.api_keys.create(before, name, scope=scope, life=days * _DAY, networks=network, limit=allowed)
    except BadInput as error:
        if error.code != "invalid_scope":
            raise
        said = f"The roles of {named} do not allow {scope}. Write less, or what they allow into the server's scopes."
        raise BadInput(error.code, said, field=error.field) from error
    return _shown(auth, made)


@on(app, "list")
async def list_keys(auth: Authority, *, named: Named) -> Answer:
    """List the API keys of an account, the latest first; their secrets are not kept."""
    found = await account(auth, named)
    return [_told(auth, key) for key in await auth.api_keys.of(found.id)]


@on(app, "rotate")
async def rotate(auth: Authority, *, id: Id, overlap: Overlap = 0) -> Answer:
    """Make another key like this one, in its place at once, or while the old one goes on for some hours.

    admit api-keys rotate 2bX1… --overlap 24
    """
    return _shown(auth, await auth.api_keys.rotate(await _owner(auth, id), id, overlap=overlap * 3_600))


@on(app, "confirm")
async def confirm(auth: Authority, *, id: Id) -> Answer:
    """Let a key go on that is suspended since a backup was put back."""
    return _told(auth, await auth.api_keys.confirm(await _owner(auth, id), id))


@on(app, "revoke")
async def revoke(auth: Authority, *, id: Id) -> Answer:
    """End an API key."""
    await _owner(auth, id)
    await auth.api_keys.revoke(id)
    return {"ended": id}


async def _owner(auth: Authority, id: str) -> Before:
    key = await auth.api_keys.get(id)
    if key is None:
        raise BadInput("no_api_key", f"There is no API key {id!r}, or it is over.", field="id")
    return await auth.subjects.before(key.owner)


def _shown(auth: Authority, made: Created) -> Row:
    return {**_told(auth, made.key), "key": made.text}


def _told(auth: Authority, key: ApiKey) -> Row:
    return {
        "id": key.id,
        "name": key.name,
        "scope": "everything" if key.scope is None else key.scope,
        "created_at": key.created_at,
        "used_at": key.used_at or "never",
        "expires_at": key.expires_at,
        "networks": list(key.networks),
        "limit": "" if key.limit is None else f"{key.limit.hits}/{key.limit.window:g}",
        "suspended": auth.api_keys.is_suspended(key),
    }
