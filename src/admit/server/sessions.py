"""`admit sessions`: who is signed in, and ending it."""

from __future__ import annotations

from typing import Annotated

import typer

from admit.authority import Authority
from admit.errors import BadInput
from admit.server.command import Answer, account, on

app = typer.Typer(no_args_is_help=True, help="See and end sessions. Acts at once, beside a running server.")

Named = Annotated[str, typer.Argument(help="The e-mail address or the id of an account.", metavar="ACCOUNT")]
SessionId = Annotated[str | None, typer.Argument(help="The id of a session.", metavar="SESSION")]
AllOf = Annotated[str | None, typer.Option("--all-of", help="End all sessions of this account.", metavar="ACCOUNT")]


@on(app, "list")
async def list_sessions(auth: Authority, *, named: Named) -> Answer:
    """List the sessions of an account, the latest first."""
    found = await account(auth, named)
    return [
        {
            "id": session.id,
            "device": session.device,
            "created_at": session.created_at,
            "seen_at": session.seen_at,
            "expires_at": session.ends_at,
        }
        for session in await auth.sessions.of(found.id)
    ]


@on(app, "revoke")
async def revoke(auth: Authority, *, session: SessionId = None, all_of: AllOf = None) -> Answer:
    """End a session with all its credentials, or all sessions of an account.

    admit sessions revoke --all-of ann@example.com
    """
    if (session is None) == (all_of is None):
        raise typer.BadParameter("Write the id of a session, or --all-of and an account.")
    if all_of is not None:
        found = await account(auth, all_of)
        ended = [kept.id for kept in await auth.sessions.of(found.id)]
        await auth.sessions.sign_out_everywhere(found.id)
        return {"account": found.email, "ended": ended}
    there = await auth.sessions.get(session or "")
    if there is None:
        raise BadInput("not_found", f"There is no session {session!r}, or it is over.")
    await auth.revoke(there)
    return {"ended": [there.id]}
