"""`admit export` and `admit import`: a store to a file, and a file to another store."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.metadata import version
from pathlib import Path
from typing import BinaryIO

import typer

from admit import moving, system
from admit.core.address import NO_PROXIES
from admit.core.exported import MAX_LINE
from admit.core.keyring import Keyring
from admit.core.secret import Master
from admit.core.store import Store
from admit.errors import AdmitError, BadInput, ConfigError
from admit.kept import KINDS
from admit.moving import Checked, Import
from admit.server.command import Row
from admit.server.judged import contents
from admit.server.operators import operator
from admit.server.settings import Settings
from admit.stores import beside, open_store, refuse_absent, whole
from admit.trail import Trail, acting

_NOT_LEFT = (
    "The store that this file was exported from can still be served, and what would be revoked there would go on here. "
    "Export it anew, with --move, or import the file without, which signs everybody out."
)

_EVERY = 1.0
"""Seconds between two words about the progress."""


async def exported(settings: Settings, path: Path, *, move: bool) -> Row:
    """Write all that the store has to a new file at ``path``, readable by its owner alone.

    Before a ``move``, nobody serves the store from the moment on at which that begins.
    """
    for url in settings.stores:
        refuse_absent(url)
    _refuse_taken(path)
    try:
        async with _opened(settings) as stores:
            with whole.writing(path) as file:
                clock, by = system.SystemClock(), version("admit")
                if move:
                    await moving.leave(stores[0], clock, system.chance)
                end = await moving.export(_together(*stores), file.write, clock, by, _Told("exported"))
    except OSError as error:
        raise _unusable(path, error.strerror) from error
    return {"file": str(path), "records": end.records, "entries": end.entries, "sha256": end.sha256}


async def imported(settings: Settings, path: Path, *, move: bool) -> Row:
    """Fill the empty store with the file at ``path``; what was issued before is over, unless it is a ``move``."""
    for url in settings.stores:
        refuse_absent(url, begins=True)
    try:
        with path.open("rb") as file:
            checked = moving.check(_lines(file))
            if move and not checked.term.moved:
                raise BadInput("not_left", _NOT_LEFT, field="file")
            async with _opened(settings, accept_lost_history=not move) as stores:
                opens = _opens(settings, stores[0], checked, insist=move)
                clock = system.SystemClock()
                trail = Trail(clock, system.chance, NO_PROXIES, settings.audit_days)
                filling = Import(stores[0], stores[-1], clock, system.chance, trail)
                await filling.begin(checked)
                file.seek(0)
                await filling.fill(_lines(file), _Told("imported"))
                with acting(operator=operator()):
                    await filling.finish(checked, goes_on=move)
    except OSError as error:
        raise _unusable(path, error.strerror) from error
    return {
        "records": checked.end.records,
        "entries": checked.end.entries,
        "sessions": "go on" if move else "are over",
        "signing_keys": "can be opened" if opens else "need the master secret of before",
    }


@asynccontextmanager
async def _opened(settings: Settings, *, accept_lost_history: bool = False) -> AsyncGenerator[list[Store]]:
    """The store, and behind it that of the accounts where they have one of their own."""
    async with AsyncExitStack() as held:
        stores = [open_store(url, accept_lost_history=accept_lost_history) for url in settings.stores]
        for store in stores:
            held.push_async_callback(store.close)
            await store.open()
        yield stores


def _together(store: Store, accounts: Store | None = None) -> Store:
    return beside.named(store, accounts, KINDS)


def _opens(settings: Settings, store: Store, checked: Checked, *, insist: bool) -> bool:
    """Whether the master secret that is configured opens the signing keys. Raises unless, if so asked."""
    if checked.keyring is None:
        return True
    try:
        secrets = contents(settings.secret_file) or [store.own_secret(make=False)]
        Keyring.unsealed(checked.keyring, Master(secrets))
    except AdmitError as error:
        if insist:
            faults = error.faults if isinstance(error, ConfigError) else (f"It says: {error}.",)
            raise ConfigError(["The signing keys of the export cannot be opened.", *faults]) from error
        return False
    return True


def _lines(file: BinaryIO) -> Iterator[bytes]:
    return iter(lambda: file.readline(MAX_LINE), b"")


def _refuse_taken(path: Path) -> None:
    """Before all is read, and not only when the file is put into its place."""
    if path.exists():
        raise _unusable(path, "there is one already")


def _unusable(path: Path, fault: str | None) -> ConfigError:
    return ConfigError([f"The file {path} cannot be used: {fault}."])


class _Told:
    """Says on standard error, now and then, how far it has come."""

    def __init__(self, done: str) -> None:
        self._done = done
        self._last = time.monotonic()

    def __call__(self, number: int) -> None:
        if time.monotonic() >= self._last + _EVERY:
            self._last = time.monotonic()
            typer.echo(f"{number} {self._done}", err=True)
