"""The command line `admit`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from admit.server import accounts, api_keys, audit, forward, keys, lab, sessions, verifiers
from admit.server.command import EXIT_CODES, WHERE, Config, Given, Issuer, Json, Row, command, exits, show
from admit.server.operators import operator
from admit.server.settings import DEFAULT_PORT, Settings
from admit.stores import migrate as migrated
from admit.stores import refuse_absent
from admit.trail import acting

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Sessions, tokens and their end, through one door.",
    epilog=EXIT_CODES,
)
app.add_typer(accounts.app, name="accounts")
app.add_typer(sessions.app, name="sessions")
app.add_typer(api_keys.app, name="api-keys")
app.add_typer(keys.app, name="keys")
app.add_typer(verifiers.app, name="verifiers")
app.add_typer(forward.app, name="forward-auth")

Host = Annotated[str | None, typer.Option(help="The address to listen on; 127.0.0.1 if left out.")]
Port = Annotated[int | None, typer.Option(help="The port to listen on.", min=0, max=65_535)]
Workers = Annotated[int | None, typer.Option(help="How many processes serve; 1 if left out.", min=1, max=64)]

_SERVING: dict[str, object] = {"host": Host, "port": Port, "workers": Workers, **WHERE}


def main() -> None:
    """Run the command line."""
    app()


def _say_version(*, asked: bool) -> None:
    if asked:
        typer.echo(f"admit {version('admit')}")
        raise typer.Exit


@app.callback()
def admit(
    *,
    _: Annotated[
        bool, typer.Option("--version", help="Say which Admit this is.", is_eager=True, callback=_say_version)
    ] = False,
) -> None:
    """Sessions, tokens and their end, through one door."""


@command(app, "serve", options=_SERVING)
def serve(given: Given) -> None:
    """Serve the HTTP application until SIGTERM or Ctrl-C; with several workers, SIGHUP replaces them one by one.

    admit serve --issuer https://auth.example.com --store sqlite:////var/lib/admit/admit.db --workers 4
    """
    from admit.server import serve, watch

    settings = given.load()
    if settings.workers == 1:
        serve.run(settings)
    else:
        watch.run(settings, {"config": given.config, **given.settings})


@command(app, "worker", options=_SERVING, hidden=True)
def worker(given: Given, *, listening: int, parent: int) -> None:
    """Serve a socket that was handed over: what `admit serve` starts."""
    from admit.server.worker import run

    run(given.load(), listening, parent)


@command(app, "doctor")
def doctor(
    given: Given,
    *,
    source: Annotated[Path | None, typer.Option(help="An application's code, searched for weakened checks.")] = None,
) -> None:
    """Say what is on, what is weak and why; exit 1 when something must be mended.

    admit doctor --config /etc/admit/admit.toml
    """
    from admit.server.doctor import examined

    rows = asyncio.run(examined(given.load(), source))
    given.show(rows)
    if any(row["state"] == "mend" for row in rows):
        raise typer.Exit(1)


@command(app, "migrate")
def migrate(given: Given) -> None:
    """Make the schema of the store, or bring it up to date; harmless when said again. Back up first.

    admit migrate --store postgresql://admit@db.example.com/admit
    """
    told: dict[str, object] = {}
    for whose, url in zip(("", "accounts_"), given.load().stores, strict=False):
        told[f"{whose}before"], told[f"{whose}schema"] = asyncio.run(migrated(url))
    given.show(told)


@command(app, "config")
def show_config(
    given: Given,
    *,
    example: Annotated[bool, typer.Option("--example", help="Print a file with every setting instead.")] = False,
) -> None:
    """Show the settings in effect, and where each came from."""
    from admit.server import config as own

    if example:
        typer.echo(own.example(), nl=False)
    else:
        given.show(own.effective(given.load(), given.config, given.settings))


@command(app, "restore")
def restore(given: Given, *, yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False) -> None:
    """End everything that was issued so far: after a backup was put back, or when all may be compromised.

    Stop the server, put the database back, run this, start the server.
    """
    settings = given.load()
    for url in settings.stores:
        refuse_absent(url)
    if not yes:
        typer.confirm("This signs everybody out. Go on?", abort=True)
    with acting(operator=operator()):
        given.show({"ended": "everything", "effective_by": asyncio.run(_restored(settings))})


@command(app, "export")
def export(
    given: Given,
    *,
    file: Annotated[Path, typer.Argument(metavar="FILE")],
    move: Annotated[bool, typer.Option("--move", help="Nobody serves this store any more: another will.")] = False,
) -> None:
    """Write all that the store has to a new file: a backup, or the way to another store.

    admit export backup/admit-2026-11-22.jsonl

    With --move it is the last thing that happens here: a server that still runs on the store, or is started on it, says
    503 from then on, until “admit restore” signs everybody out.

    SQLite and PostgreSQL may be in use meanwhile. What ends everybody's sessions lies in the file, but not the master
    secret, without which nobody can open its signing keys: keep that one elsewhere, and keep both.
    """
    from admit.server.moving import exported

    given.show(asyncio.run(exported(given.load(), file, move=move)))


@command(app, "import")
def import_(
    given: Given,
    *,
    file: Annotated[Path, typer.Argument(metavar="FILE")],
    move: Annotated[bool, typer.Option("--move", help="Nothing happened since the export: sessions go on.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Fill an empty store with the file of an export; all that was issued before is over, as after a restore.

    admit import backup/admit-2026-11-22.jsonl --store postgresql://localhost/admit --move

    With --move sessions, tokens and keys go on. That is for the file of an export with --move, before which the servers
    were stopped: whatever was revoked after it would be good again. Cut short, it is said once more with the same file; until it has come to its
    end no server starts on the store.
    """
    from admit.server.moving import imported

    if move and not yes:
        typer.confirm("What was revoked after the export will be good again. Was no server running since?", abort=True)
    given.show(asyncio.run(imported(given.load(), file, move=move)))


@command(app, "openapi", options={"config": Config, "issuer": Issuer})
def openapi(given: Given) -> None:
    """Print the OpenAPI description of the HTTP application, which the server does not serve."""
    from admit.web import application

    settings = given.load()
    described = application(settings.authority(), at=settings.path, forward=settings.forward)
    typer.echo(json.dumps(described.openapi(), indent=2))


@app.command(epilog=EXIT_CODES)
def demo(
    *,
    port: Annotated[int, typer.Option(help="The port to listen on.", envvar="PORT", min=1, max=65_535)] = DEFAULT_PORT,
    directory: Annotated[Path, typer.Option(help="Where everything is kept.")] = Path("var"),
) -> None:
    """Serve a demo on this machine: two accounts, a front page that says what to try, and the lines to type.

    Passwords and sessions stay from one start to the next; remove the directory to begin anew.
    """
    from admit.server.demo import run

    with exits():
        run(port, directory)


@app.command(epilog=EXIT_CODES)
def tour(*, as_json: Json = False) -> None:
    """Play the story against a fresh server, each step with its time; exit 1 when one is not as promised."""
    from admit.server.tour import play

    with exits(as_json=as_json):
        played = play()
    steps: list[Row] = played["steps"]
    show(played if as_json else list(_by_chapter(steps)), as_json=as_json)
    broken = [step for step in steps if not step["holds"]]
    for step in broken:
        typer.echo(f"Not as promised: {step['promised']} ({step['request']}: {step['answer']})", err=True)
    if broken:
        raise typer.Exit(1)


def _by_chapter(steps: list[Row]) -> Iterator[Row]:
    told = None
    for step in steps:
        yield {**step, "chapter": "" if step["chapter"] == told else step["chapter"]}
        told = step["chapter"]


async def _restored(settings: Settings) -> float:
    auth = settings.authority(on_lost_history="accept")
    try:
        return (await auth.restore()).effective_by
    finally:
        await auth.close()


# The order of the help: what one begins with comes first.
audit.register(app)
lab.register(app)
