"""`admit verifiers`: the keys of services that follow the revocation log."""

from __future__ import annotations

from typing import Annotated

import typer

from admit.authority import Authority
from admit.server.command import Answer, on

app = typer.Typer(
    no_args_is_help=True, help="Make, see and withdraw the keys of services that verify. Acts at once, beside a server."
)

Name = Annotated[str, typer.Argument(help="What the service is called.", metavar="NAME")]
Audience = Annotated[
    str,
    typer.Option("--audience", help="Whom its tokens are for, as they say it; the issuer if not given.", metavar="URL"),
]
Id = Annotated[str, typer.Argument(help="The id of a verifier key, as “list” shows it.", metavar="ID")]


@on(app, "create")
async def create(auth: Authority, *, name: Name, audience: Audience = "") -> Answer:
    """Make a key for a service that verifies, shown this once: Verifier(issuer, audience=…, key=…)."""
    return {"key": await auth.verifiers.create(name, audience or auth.audience)}


@on(app, "list")
async def list_keys(auth: Authority) -> Answer:
    """List the verifier keys; their secrets are not kept."""
    return [
        {"id": key.id, "name": key.name, "audience": key.audience, "created_at": key.created_at}
        for key in await auth.verifiers.list()
    ]


@on(app, "revoke")
async def revoke(auth: Authority, *, id: Id) -> Answer:
    """Withdraw a verifier key: the service learns of no revocation any more, and soon accepts nobody."""
    await auth.verifiers.revoke(id)
    return await list_keys(auth)
