"""`admit accounts`: who may sign in here."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from admit.accounts import Account
from admit.authority import Authority
from admit.core.store import Cursor
from admit.server.command import Answer, Row, account, on
from admit.server.seed import new_password
from admit.subjects import Subject

app = typer.Typer(
    no_args_is_help=True,
    help="Create, list, disable, enable and delete accounts; set passwords and roles. Acts at once, beside a server.",
)

Email = Annotated[str, typer.Argument(help="An e-mail address.", metavar="EMAIL")]
Named = Annotated[str, typer.Argument(help="The e-mail address or the id of an account.", metavar="ACCOUNT")]
Role = Annotated[list[str], typer.Option("--role", help="A role; may be repeated.")]
Roles = Annotated[list[str] | None, typer.Argument(help="All roles it is to have.", metavar="ROLE...")]
NoRoles = Annotated[bool, typer.Option("--none", help="Take all roles away.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
FromStdin = Annotated[bool, typer.Option("--password-stdin", help="Read the password from standard input.")]
Service = Annotated[bool, typer.Option("--service", help="It is no person's: it acts by API keys, and never signs in.")]
Generate = Annotated[bool, typer.Option("--generate", help="Make a password and show it this once.")]


@on(app, "create", begins=True)
async def create(
    auth: Authority,
    *,
    email: Email,
    role: Role = ["user"],
    password_stdin: FromStdin = False,
    generate: Generate = False,
    service: Service = False,
) -> Answer:
    """Create an account.

    admit accounts create ann@example.com --generate
    """
    if service and (password_stdin or generate):
        raise typer.BadParameter("A service has no password: write --service alone.")
    password = None if service else _chosen(from_stdin=password_stdin, generate=generate)
    created = await auth.accounts.create(email, password, roles=role, service=service)
    return {**await _told(auth, created), **({"password": password} if generate else {})}


@on(app, "list")
async def list_accounts(auth: Authority) -> Answer:
    """List all accounts."""
    rows: list[Row] = []
    after: Cursor | None = None
    while True:
        page = await auth.accounts.find(after=after, limit=1_000)
        rows += [await _told(auth, found) for found in page.accounts]
        after = page.after
        if after is None:
            return rows


@on(app, "show")
async def show(auth: Authority, *, named: Named) -> Answer:
    """Show an account and how many sessions it has open."""
    found = await account(auth, named)
    return {**await _told(auth, found), "sessions": len(await auth.sessions.of(found.id))}


@on(app, "disable")
async def disable(auth: Authority, *, named: Named) -> Answer:
    """End everything an account has open, and let it sign in no more.

    admit accounts disable ann@example.com
    """
    found = await account(auth, named)
    await auth.subjects.change(found.id, Subject.disabled)
    return await _told(auth, found)


@on(app, "enable")
async def enable(auth: Authority, *, named: Named) -> Answer:
    """Let a disabled account sign in again; what was ended does not come back."""
    found = await account(auth, named)
    await auth.subjects.change(found.id, Subject.enabled)
    return await _told(auth, found)


@on(app, "password")
async def password(
    auth: Authority, *, named: Named, password_stdin: FromStdin = False, generate: Generate = False
) -> Answer:
    """Give an account another password and end everything it has open.

    admit accounts password ann@example.com --password-stdin < new-password
    """
    found = await account(auth, named)
    chosen = _chosen(from_stdin=password_stdin, generate=generate)
    await auth.accounts.set_password(found.id, chosen)
    return {**await _told(auth, found), **({"password": chosen} if generate else {})}


@on(app, "roles")
async def set_roles(auth: Authority, *, named: Named, roles: Roles = None, none: NoRoles = False) -> Answer:
    """Give an account these roles in the place of those it has; its sessions live on, its tokens are minted anew.

    admit accounts roles ann@example.com user admin
    """
    if bool(roles) == none:
        raise typer.BadParameter("Write the roles, all of them, or --none.")
    found = await account(auth, named)
    await auth.subjects.change(found.id, lambda subject: subject.with_roles(roles or ()))
    return await _told(auth, found)


@on(app, "delete")
async def delete(auth: Authority, *, named: Named, yes: Yes = False) -> Answer:
    """Delete an account and end everything it has open; its address is free again, its id is nobody's for good."""
    found = await account(auth, named)
    if not yes:
        typer.confirm(f"This deletes {found.email}. Go on?", abort=True)
    await auth.accounts.delete(found.id)
    return {"deleted": found.email, "id": found.id}


def _chosen(*, from_stdin: bool, generate: bool) -> str:
    # Never an argument: those stand in the list of processes and in the history of the shell.
    if generate and from_stdin:
        raise typer.BadParameter("Write --password-stdin or --generate, not both.")
    if generate:
        return new_password()
    if from_stdin:
        return sys.stdin.readline().removesuffix("\n")
    if not sys.stdin.isatty():
        raise typer.BadParameter("There is nobody to ask for the password. Write --password-stdin or --generate.")
    typed: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    return typed


async def _told(auth: Authority, found: Account) -> Row:
    subject = await auth.subjects.get(found.id)
    return {
        "email": found.email,
        "id": found.id,
        "active": subject.active,
        "service": found.service,
        "roles": list(subject.roles),
        "created_at": found.created_at,
    }
