"""The command `admit lab`: sessions and tokens measured on this machine, and on the stores that are named."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Coroutine
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from admit.core.faults import Faults
from admit.errors import ConfigError
from admit.server.command import console, exits, flowing

if TYPE_CHECKING:
    from admit.lab.report import Report

T = TypeVar("T")

STOPPED = 130
"""The exit code of what was stopped by Ctrl-C, as a shell has it."""

_NEEDED = ("jwt", "rich", "jinja2")
_DRIVERS = {"postgresql": "asyncpg", "redis": "redis", "rediss": "redis"}
_EXIT_CODES = "Exit codes: 0 done · 2 usage, configuration, or a store that is not empty · 3 a store does not answer · 130 stopped"

_OUT = "What comes out"

Stores = Annotated[
    list[str] | None,
    typer.Option("--store", help="A store to measure too; may be said several times.", metavar="URL"),
]
Quick = Annotated[bool, typer.Option("--quick", help="10,000 people, fewer repeats: less than a minute.")]
Large = Annotated[bool, typer.Option("--large", help="Also a million people, which takes long.")]
Only = Annotated[
    list[str] | None,
    typer.Option("--only", help="One strategy, such as session or admit-cookie; several times for more.", metavar="ID"),
]
AsJson = Annotated[
    str | None,
    typer.Option("--json", help="All figures as JSON; - is standard output.", metavar="FILE", rich_help_panel=_OUT),
]
AsHtml = Annotated[
    Path | None,
    typer.Option(
        "--html", help="The report as one page, with charts and five questions.", metavar="FILE", rich_help_panel=_OUT
    ),
]
AsCsv = Annotated[
    Path | None,
    typer.Option(
        "--csv",
        help="One table if it ends in .csv, else a folder of several.",
        metavar="DIR|FILE",
        rich_help_panel=_OUT,
    ),
]
Read = Annotated[
    Path | None,
    typer.Option(
        "--read", help="Measure nothing: show what --json wrote earlier.", metavar="FILE", rich_help_panel=_OUT
    ),
]
Tiny = Annotated[bool, typer.Option("--tiny", hidden=True)]


def register(app: typer.Typer) -> None:
    """Make it a command of ``app``."""
    app.command("lab", help=flowing(lab), epilog=_EXIT_CODES)(lab)


def lab(
    *,
    store: Stores = None,
    quick: Quick = False,
    large: Large = False,
    only: Only = None,
    as_json: AsJson = None,
    html: AsHtml = None,
    csv: AsCsv = None,
    read: Read = None,
    tiny: Tiny = False,
) -> None:
    """Measure sessions and tokens beside each other: what they cost, how fast they end, what an outage does.

    admit lab --quick

    admit lab --store postgresql://localhost/lab --store redis://localhost --html report.html

    Server sessions, stateless tokens, short tokens with a refresh token, API keys and Admit itself do the same work, in
    memory, in an SQLite database in a temporary folder, and in each store that is named. What is kept and carried,
    verification, throughput, the time from an end to the last acceptance, and outages are measured, nothing is assumed.

    In a store that is named the lab makes a place of its own (a database in PostgreSQL, an empty number in Redis, a
    folder beside an SQLite file), and takes it away afterwards, also after Ctrl-C; what a run leaves that was killed,
    the next one takes away. It refuses a store that holds anything else. While it measures, let the machine do nothing
    else.
    """
    with exits(as_json=as_json == "-"):
        _refuse_missing(store or [])
        if quick and large:
            raise ConfigError(["--quick or --large, not both."])
        if read and (store or quick or large or only):
            raise ConfigError(["--read measures nothing: say it without --store, --quick, --large and --only."])
        _refuse_unwritable(as_json, html, csv)
        size = "tiny" if tiny else "quick" if quick else "large" if large else "full"
        if read:
            _again(read, as_json, html, csv)
        else:
            _hand_out(_measured(store or [], size, only or []), as_json, html, csv)


def _refuse_missing(urls: list[str]) -> None:
    needed = [*_NEEDED, *(_DRIVERS[scheme] for url in urls if (scheme := url.partition("://")[0]) in _DRIVERS)]
    if missing := [name for name in dict.fromkeys(needed) if find_spec(name) is None]:
        raise ConfigError([f"admit lab needs what is not installed ({', '.join(missing)}): pip install 'admit[lab]'"])


def _measured(urls: list[str], size: str, only: list[str]) -> Report:
    from admit.lab import scales
    from admit.lab.progress import watching
    from admit.lab.run import run

    scale = {"tiny": scales.TINY, "quick": scales.QUICK, "full": scales.FULL, "large": scales.LARGE}[size]
    there = console(stderr=True)
    try:
        with watching(there) as watcher:
            return _to_its_end(run(urls, scale, watcher, only))
    except (KeyboardInterrupt, asyncio.CancelledError):
        there.print("Stopped. What the lab made is taken away.")
        raise typer.Exit(STOPPED) from None


def _to_its_end(running: Coroutine[None, None, T]) -> T:
    """What ``running`` returns; SIGTERM, and a terminal that is closed, stop it as Ctrl-C does, in order."""

    async def stoppable() -> T:
        task = asyncio.current_task()
        assert task

        def stop() -> None:
            if not task.cancelling():  # said again, it would stop what takes away what was made
                task.cancel()

        for number in (signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:  # as under nohup
                asyncio.get_running_loop().add_signal_handler(number, stop)
        return await running

    return asyncio.run(stoppable())


def _again(file: Path, as_json: str | None, html: Path | None, csv: Path | None) -> None:
    from admit.lab.exports import from_json

    try:
        text = file.read_bytes()
    except OSError as error:
        raise ConfigError([f"{file} cannot be read: {error.strerror}."]) from error
    try:
        _hand_out(from_json(text), as_json, html, csv)
    except (ArithmeticError, ValueError) as error:  # somebody may have written it by hand
        raise ConfigError([f"{file} has figures that nobody measured: {error}."]) from error


def _refuse_unwritable(as_json: str | None, html: Path | None, csv: Path | None) -> None:
    """Raise ConfigError for what could not be written once all is measured."""
    faults = Faults()
    for file in (Path(as_json) if as_json and as_json != "-" else None, html, csv):
        if file:
            faults.of(_tried, file, folder=file is csv and not _is_one(file))
    faults.report()


def _tried(file: Path, *, folder: bool) -> None:
    """Raise ValueError if it could not be written; nothing is left that was not there."""
    place = file if folder else file.parent
    made = [one for one in (place, *place.parents) if not one.exists()]
    try:
        place.mkdir(parents=True, exist_ok=True)
        if folder:
            with TemporaryFile(dir=file):
                return
        there = file.exists()
        with file.open("ab"):
            pass
        if not there:
            file.unlink()
    except OSError as error:
        raise ValueError(_unwritten(file, error)) from error
    finally:
        for one in made:
            with suppress(OSError):
                one.rmdir()


def _hand_out(report: Report, as_json: str | None, html: Path | None, csv: Path | None) -> None:
    """Raises ConfigError, once all is written that can be: what was measured took long."""
    from admit.lab.exports import in_one, tables, to_csv, to_json
    from admit.lab.page import page
    from admit.lab.terminal import show

    files = dict[Path, str]()
    if as_json == "-":
        sys.stdout.write(to_json(report).decode())
    else:
        show(report, console())
        if as_json:
            files[Path(as_json)] = to_json(report).decode()
    if html:
        files[html] = page(report)
    if csv and _is_one(csv):
        files[csv] = in_one(report)
    elif csv:
        files |= {csv / f"{told}.csv": to_csv(table) for told, table in tables(report).items()}
    faults = Faults()
    for file, text in files.items():
        faults.of(_write, file, text)
    faults.report()


def _is_one(csv: Path) -> bool:
    """Whether all tables go into one file, by its name."""
    return csv.suffix.lower() == ".csv"


def _write(file: Path, text: str) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8", newline="")
    except OSError as error:
        raise ValueError(_unwritten(file, error)) from error
    typer.echo(f"Written: {file}", err=True)


def _unwritten(file: Path, error: OSError) -> str:
    return f"{file} cannot be written: {error.strerror}."
