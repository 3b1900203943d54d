"""`admit keys`: the keys that sign access tokens."""

from __future__ import annotations

from typing import Annotated

import typer

from admit.authority import Authority
from admit.server.command import Answer, on

app = typer.Typer(no_args_is_help=True, help="See, rotate and revoke signing keys. Acts at once, beside a server.")

KeyId = Annotated[str, typer.Argument(help="The id of a key.", metavar="KID")]


@on(app, "list")
async def list_keys(auth: Authority) -> Answer:
    """List the keys: current signs, next is published and will, retiring only verifies."""
    return [{"kid": key.kid, "alg": key.alg, "state": key.state, "since": key.since} for key in await auth.keys.list()]


@on(app, "rotate")
async def rotate(auth: Authority) -> Answer:
    """Let the next key sign from now on; the present one verifies until its last token has expired."""
    await auth.keys.rotate()
    return await list_keys(auth)


@on(app, "revoke")
async def revoke(auth: Authority, *, kid: KeyId) -> Answer:
    """Take a compromised key out at once: nothing it signed is accepted any more."""
    await auth.keys.revoke(kid)
    return await list_keys(auth)
