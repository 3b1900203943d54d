"""`admit demo`: a server to try out, with two accounts and the lines to type."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import typer

from admit.authority import Authority
from admit.errors import BadCredential
from admit.server import place, serve
from admit.server.accounts import new_password
from admit.server.load import load
from admit.subjects import Subject

ANN = "ann@example.com"
ADMIN = "admin@example.com"
PEOPLE = {ANN: ["user"], ADMIN: ["admin"]}

PASSWORDS = "passwords.json"

_ANOTHER = "another one, not shorter"


def run(port: int, directory: Path) -> None:
    """Serve from ``directory`` until SIGINT or SIGTERM. What is printed works: passwords are kept beside the store."""
    config = place.prepare(directory, port)
    store, issuer = f"sqlite:///{directory / 'admit.db'}", f"http://127.0.0.1:{port}"
    settings = load(config, host="127.0.0.1", port=port, store=store, issuer=issuer)

    async def tell(auth: Authority) -> None:
        passwords = _passwords(directory / PASSWORDS)
        for email, roles in PEOPLE.items():
            await _let_in(auth, email, passwords[email], roles)
        typer.echo(_story(issuer, config, passwords))

    serve.run(settings, first=tell)


def _passwords(path: Path) -> dict[str, str]:
    """The passwords of the demo, made once, readable by their owner alone."""
    if not path.exists():
        path.touch(0o600)
        path.write_text(json.dumps({email: new_password() for email in PEOPLE}, indent=2) + "\n")
    kept: dict[str, str] = json.loads(path.read_text())
    return {email: kept[email] for email in PEOPLE}


async def _let_in(auth: Authority, email: str, password: str, roles: list[str]) -> None:
    """See to it that ``password`` opens the account, whatever happened to it since the last time."""
    account = await auth.accounts.by_email(email)
    if account is None:
        await auth.accounts.create(email, password, roles=roles)
        return
    if not (await auth.subjects.get(account.id)).active:
        await auth.subjects.change(account.id, Subject.enabled)
        typer.echo(f"{email} was disabled, and is enabled again.")
    try:
        await auth.accounts.sign_in(email, password)
    except BadCredential:
        await auth.accounts.set_password(account.id, password)
        typer.echo(f"{email} had another password; it is the one below again.")


def _story(issuer: str, config: Path, passwords: dict[str, str]) -> str:
    jar, other = config.parent / "ann.jar", config.parent / "other.jar"
    curl, body = "curl -sw ' %{http_code}\\n'", "-H 'Content-Type: application/json' -d"
    ann = json.dumps({"email": ANN, "password": passwords[ANN]})
    there, back = (
        json.dumps({"current_password": old, "new_password": new})
        for old, new in ((passwords[ANN], _ANOTHER), (_ANOTHER, passwords[ANN]))
    )
    refresh = """'{"refresh_token": "'$REFRESH'"}'"""
    value = """sed 's/.*"{}": *"\\([^"]*\\)".*/\\1/'"""
    return f"""
Admit is at {issuer}

  {ANN:<20} {passwords[ANN]}
  {ADMIN:<20} {passwords[ADMIN]}

The story, to type in another terminal in this directory (`admit tour` plays it by itself):

# sign in by cookie, and use it
{curl} -c {jar} {body} '{ann}' {issuer}/api/sign-in
{curl} -b {jar} {issuer}/api/me

# sign in for tokens, and use them
TOKENS=$(curl -s {body} '{ann}' {issuer}/api/tokens)
ACCESS=$(echo "$TOKENS" | {value.format("access_token")})
REFRESH=$(echo "$TOKENS" | {value.format("refresh_token")})
{curl} -H "Authorization: Bearer $ACCESS" {issuer}/api/me

# refresh; at once again: the same successor; after ten seconds: the session ends, somebody holds a copy
{curl} {body} {refresh} {issuer}/api/refresh
{curl} {body} {refresh} {issuer}/api/refresh
sleep 11; {curl} {body} {refresh} {issuer}/api/refresh
{curl} -H "Authorization: Bearer $ACCESS" {issuer}/api/me

# change the password: this session goes on, every other ends; and change it back
{curl} -c {other} {body} '{ann}' {issuer}/api/sign-in
{curl} -b {jar} -c {jar} {body} '{there}' {issuer}/api/password
{curl} -b {jar} {issuer}/api/sessions
{curl} -b {other} {issuer}/api/me
{curl} -b {jar} -c {jar} {body} '{back}' {issuer}/api/password

# an administrator, in another process on the same file: everything of Ann's stops, and nothing comes back by itself
{sys.argv[0]} accounts disable {ANN} --config {config}
{curl} -b {jar} {issuer}/api/me
{sys.argv[0]} accounts enable {ANN} --config {config}
{curl} -b {jar} {issuer}/api/me

# sign in anew, sign out, and be refused
{curl} -c {jar} {body} '{ann}' {issuer}/api/sign-in
{curl} -b {jar} -X POST {issuer}/api/sign-out
{curl} -b {jar} {issuer}/api/me
"""
