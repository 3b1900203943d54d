"""`admit demo`: a server to try out, with two accounts, a front page, and the lines to type."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import typer

from admit.authority import Authority
from admit.errors import BadCredential
from admit.server import lines, place, serve
from admit.server.fresh import free_port
from admit.server.front import Demo
from admit.server.lines import ANN, Chapter, Line
from admit.server.load import load
from admit.server.seed import new_password
from admit.subjects import Subject

ADMIN = "admin@example.com"
PEOPLE = {ANN: ["user"], ADMIN: ["admin"]}

PASSWORDS = "passwords.json"

_ANOTHER = "another one, not shorter"

_CONFIRM_WITHIN = 60.0
"""Seconds; short enough that whoever looks around is asked to confirm."""


def run(port: int, directory: Path) -> None:
    """Serve from ``directory`` until SIGINT or SIGTERM. What is printed works: passwords are kept beside the store."""
    directory = directory.absolute()
    config = place.prepare(directory, port, confirm_within=_CONFIRM_WITHIN, metrics_port=free_port())
    store, issuer = f"sqlite:///{directory / 'admit.db'}", f"http://127.0.0.1:{port}"
    settings = load(config, host="127.0.0.1", port=port, store=store, issuer=issuer)
    chapters = lines.chapters(settings, directory)

    async def tell(auth: Authority) -> None:
        passwords = _passwords(directory / PASSWORDS)
        for email, roles in PEOPLE.items():
            await _let_in(auth, email, passwords[email], roles)
        _write_files(directory, passwords[ANN])
        typer.echo(_story(issuer, chapters, passwords))

    metrics = f"http://127.0.0.1:{settings.metrics_port}/metrics"
    demo = Demo(tuple(PEOPLE), directory / PASSWORDS, chapters, metrics)
    serve.run(settings, first=tell, furnish=demo.furnish)


def _passwords(path: Path) -> dict[str, str]:
    """The passwords of the demo, made once, readable by their owner alone."""
    if not path.exists():
        _write(path, {email: new_password() for email in PEOPLE})
    kept: dict[str, str] = json.loads(path.read_text())
    return {email: kept[email] for email in PEOPLE}


def _write_files(directory: Path, password: str) -> None:
    """What the lines send, so that no password stands in them, and where they put what they get: nobody else's."""
    for name in (lines.ANNS, lines.OTHERS, lines.TOKENS, lines.ACCESS, lines.REFRESH):
        (directory / name).touch(0o600)
    _write(directory / lines.SIGN_IN, {"email": ANN, "password": password})
    _write(directory / lines.CHANGE, {"current_password": password, "new_password": _ANOTHER})
    _write(directory / lines.CHANGE_BACK, {"current_password": _ANOTHER, "new_password": password})


def _write(path: Path, content: Mapping[str, str]) -> None:
    path.touch(0o600)
    path.write_text(json.dumps(content, indent=2) + "\n")


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


def _story(issuer: str, chapters: list[Chapter], passwords: Mapping[str, str]) -> str:
    told = [f"\n## {chapter.title}\n\n" + "\n".join(map(_told, chapter.lines)) for chapter in chapters]
    people = [f"  {email:<20} {password}" for email, password in passwords.items()]
    return "\n".join(
        [
            "The story, to type in another terminal (`admit tour` plays it by itself):",
            *told,
            f"\nAdmit is at {issuer}\n",
            *people,
            f"\nOpen {issuer}/ in a browser: it says what there is to try.\n",
        ]
    )


def _told(line: Line) -> str:
    return f"# {line.why}" + (f" ({line.answers})" if line.answers else "") + f"\n{line.command}"
