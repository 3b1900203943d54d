"""What all commands share: where the authority is, how an answer is shown, and the exit code."""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated, ParamSpec, TypeVar, cast

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from admit.accounts import Account
from admit.authority import Authority
from admit.errors import AdmitError, BadInput, ConfigError, StoreError
from admit.server.load import load
from admit.server.operators import operator
from admit.server.settings import CONFIG, Settings
from admit.stores import refuse_absent
from admit.trail import acting

P = ParamSpec("P")
T = TypeVar("T")

Row = Mapping[str, object]
Answer = Row | Sequence[Row]
"""What a command answers: a thing, or a list of things. It is shown as a table, or as JSON."""

Action = Callable[..., Awaitable[Answer]]
"""What a command does with an open authority, given as the first argument; the others are its own."""

EXIT_CODES = "Exit codes: 0 done · 1 refused or not found · 2 usage or configuration · 3 store unavailable or replaced"

_WHERE = "Where"
_TIMES = {"at", "created_at", "seen_at", "used_at", "expires_at", "since", "effective_by"}
_WIDTH_OF_A_PIPE = 200

Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        help="Settings in TOML; admit.toml in the working directory if left out.",
        metavar="FILE",
        envvar=CONFIG,
        rich_help_panel=_WHERE,
    ),
]
Store = Annotated[
    str | None,
    typer.Option("--store", help="The store, such as sqlite:///var/admit.db.", metavar="URL", rich_help_panel=_WHERE),
]
Issuer = Annotated[
    str | None,
    typer.Option("--issuer", help="The URL the server is reached under.", metavar="URL", rich_help_panel=_WHERE),
]
Json = Annotated[bool, typer.Option("--json", help="Answer in JSON, for scripts.", rich_help_panel=_WHERE)]

Options = Mapping[str, object]
"""Options of a command by name, each with its annotation."""

WHERE: dict[str, object] = {"config": Config, "store": Store, "issuer": Issuer}
SHARED: dict[str, object] = WHERE | {"as_json": Json}


@dataclass(frozen=True)
class Given:
    """What the options that commands share say: those that are settings, by name, and how to answer."""

    config: Path | None
    settings: Mapping[str, object]
    as_json: bool = False

    def load(self) -> Settings:
        """The settings in effect. Raises ConfigError."""
        return load(self.config, **self.settings)

    def show(self, answer: Answer) -> None:
        """Print ``answer`` to standard output."""
        show(answer, as_json=self.as_json)


def command(
    group: typer.Typer, name: str, *, options: Options = SHARED, hidden: bool = False
) -> Callable[[Callable[P, None]], Callable[P, None]]:
    """Make a function the command ``name`` of ``group``; its first argument is what was given for ``options``."""

    def register(action: Callable[P, None]) -> Callable[P, None]:
        def run(*, config: Path | None, as_json: bool = False, **rest: object) -> None:
            given = Given(config, {name: value for name, value in rest.items() if name in options}, as_json)
            own = {name: value for name, value in rest.items() if name not in options}
            with exits(as_json=as_json):
                cast("Callable[..., None]", action)(given, **own)

        run.__doc__ = flowing(action)
        _give_options(run, action, options)
        group.command(name, hidden=hidden, epilog=EXIT_CODES)(run)
        return action

    return register


def on(group: typer.Typer, name: str, *, begins: bool = False) -> Callable[[Action], Action]:
    """Make an Action the command ``name`` of ``group``; it acts on the store that the server runs on, at once.

    The store has to be there, unless the command ``begins`` one.
    """

    def register(action: Action) -> Action:
        def run(given: Given, **own: object) -> None:
            given.show(asyncio.run(opened(given, partial(action, **own), begins=begins)))

        run.__doc__ = action.__doc__
        vars(run)["__signature__"] = inspect.signature(action, eval_str=True)
        command(group, name)(run)
        return action

    return register


@contextmanager
def exits(*, as_json: bool = False) -> Generator[None]:
    """Turn an error of ours into words on standard error and the exit code it has."""
    try:
        yield
    except AdmitError as error:
        detail = error.public if isinstance(error, BadInput) else str(error)
        if as_json:
            typer.echo(json.dumps({"code": error.code, "detail": detail}), err=True)
        else:
            console(stderr=True).print(Text("\n".join(map(_letters, detail.split("\n")))), style="red")
        raise typer.Exit(_exit_code(error)) from error


def flowing(action: Callable[..., object]) -> str:
    """The help of ``action``, each paragraph as one line: it is for the terminal to break."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in (inspect.getdoc(action) or "").split("\n\n"))


def show(answer: Answer, *, as_json: bool) -> None:
    """Print ``answer`` to standard output."""
    if as_json:
        typer.echo(json.dumps(answer, indent=2))
    elif isinstance(answer, Mapping):
        _print_one(answer)
    else:
        _print_list(answer)


def console(*, stderr: bool = False) -> Console:
    """Where people read; nothing is wrapped for a reader that has no width, and NO_COLOR is honoured."""
    there = Console(stderr=stderr)
    return there if there.is_terminal else Console(stderr=stderr, width=_WIDTH_OF_A_PIPE)


async def opened(given: Given, action: Callable[[Authority], Awaitable[T]], *, begins: bool = False) -> T:
    """What ``action`` does with the authority on the store that is given, which is there unless this ``begins`` it."""
    configured = given.load()
    for url in configured.stores:
        refuse_absent(url, begins=begins)
    with acting(operator=operator()):
        async with configured.authority() as auth:
            return await action(auth)


async def account(auth: Authority, named: str) -> Account:
    """The account whose e-mail address or id is ``named``. Raises BadInput when there is none."""
    found = await (auth.accounts.by_email(named) if "@" in named else auth.accounts.get(named))
    if found is None:
        raise BadInput("no_account", f"There is no account {named!r}.", field="account")
    return found


def _give_options(command: Callable[..., None], action: Callable[..., object], options: Options) -> None:
    """Let ``command`` take what ``action`` takes after its first argument, and ``options``."""
    own = list(inspect.signature(action, eval_str=True).parameters.values())[1:]
    shared = [
        inspect.Parameter(
            name, inspect.Parameter.KEYWORD_ONLY, default=False if name == "as_json" else None, annotation=kind
        )
        for name, kind in options.items()
    ]
    parameters = [*(one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in own), *shared]
    vars(command)["__signature__"] = inspect.Signature(parameters)
    command.__annotations__ = {one.name: one.annotation for one in parameters}


def _exit_code(error: AdmitError) -> int:
    match error:
        case ConfigError():
            return 2
        case StoreError():
            return 3
        case _:
            return 1


def _print_one(answer: Row) -> None:
    table = Table(box=None, show_header=False)
    for name, value in answer.items():
        table.add_row(Text(_title(name), style="bold"), Text(letters(name, value)))
    console().print(table)


def _print_list(rows: Sequence[Row]) -> None:
    if not rows:
        console().print("none")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in rows[0]:
        table.add_column(_title(name), overflow="fold")
    for row in rows:
        table.add_row(*(Text(letters(name, value)) for name, value in row.items()))
    console().print(table)


def _title(name: str) -> str:
    return name.replace("_", " ")


def letters(name: str, value: object) -> str:
    """A value of that name as people read it, of letters only."""
    match value:
        case bool():
            text = "yes" if value else "no"
        case int() | float() if name in _TIMES:
            text = datetime.fromtimestamp(value, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
        case None:
            text = "–"
        case list():
            text = " ".join(cast("list[str]", value))
        case _:
            text = str(value)
    return _letters(text)


def _letters(text: str) -> str:
    # OPS-01: the name of a device is an application's text, a fault quotes a file; and a terminal obeys what they hold.
    return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text)
