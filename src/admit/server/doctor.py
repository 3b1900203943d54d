"""`admit doctor`: what is on, what is weak and why, and what must be mended before anybody else comes."""

from __future__ import annotations

import re
import resource
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from admit.authority import Authority
from admit.core import origin
from admit.errors import AdmitError, ConfigError
from admit.server.command import Row
from admit.server.demo import PASSWORDS
from admit.server.settings import Settings

State = Literal["good", "weak", "mend"]

SLOW_HASH = 1.0
"""Seconds that one password hash should not take; less than OWASP asks for is no setting at all."""

CLOCKS_AGREE = 1.0
"""Seconds by which the clock of the file system may differ from ours: servers of one store go by both."""

_NETWORKS = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "glusterfs", "fuse.sshfs", "fuse.glusterfs"}
_UNSAFE = re.compile(
    r"^[ \t]{0,80}(?:from admit\.unsafe import|import admit\.unsafe|from admit import [^\n]{0,400}\bunsafe\b)",
    re.MULTILINE,
)


async def examined(settings: Settings, source: Path | None = None) -> list[Row]:
    """What was looked at, its state and what is to be said of it."""
    rows = [*_front(settings), *_process(settings)]
    database = _database(settings)
    if database is None:
        rows.append(
            _row("store", "mend", "It is in memory: the next start knows nobody. Write sqlite:///path/to/file.db.")
        )
    else:
        rows += _files(settings, database)
        rows += _place(database)
    rows += await _opened(settings, database, there=_is_there(database))
    if source is not None:
        rows += _weakened(source)
    return rows


def _row(what: str, state: State, said: str) -> Row:
    return {"what": what, "state": state, "said": said}


def _front(settings: Settings) -> Iterator[Row]:
    if settings.issuer.startswith("http:"):
        yield _row("issuer", "weak", f"{settings.issuer} is plain http: for this machine only. Write an https issuer.")
        return
    yield _row("issuer", "good", settings.issuer)
    if settings.trusted_proxies:
        yield _row(
            "proxies", "good", f"{' '.join(settings.trusted_proxies)} say who connects, in {settings.proxy_header}"
        )
        return
    # This server speaks plain HTTP: of an https issuer somebody in front has the certificate.
    here = origin.is_loopback(urlsplit(f"//{settings.listens_on[0]}"))
    write = 'trusted_proxies = ["127.0.0.1"]' if here else "trusted_proxies with the address your proxy connects from"
    yield _row("proxies", "weak", "The issuer is https, so a proxy has the certificate, and all requests seem to come from it: the log "
               f"names no client, and one who guesses passwords slows down everybody. Write {write}.")  # fmt: skip


def _process(settings: Settings) -> Iterator[Row]:
    if settings.workers == 1:
        yield _row("workers", "good", "1: a restart is a moment without answers")
    else:
        yield _row("workers", "good", f"{settings.workers}, replaced one by one at SIGHUP")
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    enough = most == resource.RLIM_INFINITY or most > settings.max_connections + 100
    said = f"{most} open files for {settings.max_connections} connections"
    yield _row("files", "good" if enough else "mend", said if enough else f"{said}: raise LimitNOFILE, or write less")
    if settings.tracing:
        yield _tracing()
    if settings.on_lost_history == "accept":
        yield _row("on_lost_history", "weak", "A database put back goes on as if nothing had been revoked since.")


def _tracing() -> Row:
    from admit.server import spans

    try:
        made = len(spans.exporters())
    except ConfigError as error:
        return _row("tracing", "mend", error.faults[0])
    if not made:
        return _row("tracing", "weak", "OTEL_TRACES_EXPORTER is none: no span goes out.")
    return _row("tracing", "good", "spans go out as the variables OTEL_* say")


def _database(settings: Settings) -> Path | None:
    _, found, path = settings.store.partition("sqlite:///")
    return Path(path) if found else None


def _files(settings: Settings, database: Path) -> Iterator[Row]:
    secret = database.with_name(f"{database.name}-secret")
    for path in (database, secret, *settings.secret_file):
        if path.exists():
            mode = path.stat().st_mode & 0o777
            state: State = "mend" if mode & 0o077 else "good"
            yield _row(
                str(path), state, f"mode {mode:o}" + (f": open to others. Write chmod 600 {path}" * bool(mode & 0o077))
            )
    if not settings.secret_file:
        yield _row("secret", "good", f"beside the database, in {secret.name}: whoever copies both can open the keys")
    if (database.parent / PASSWORDS).exists():
        yield _row(
            "demo", "mend", f"{database.parent} is that of `admit demo`: its passwords lie beside it. Use another."
        )


def _place(database: Path) -> Iterator[Row]:
    if not database.parent.is_dir():
        yield _row("directory", "weak", f"{database.parent} is not there yet")
        return
    kind = _file_system(database.parent.resolve())
    if kind in _NETWORKS:
        yield _row("file system", "mend", f"{kind} is a network's: SQLite's locks do not hold there. Use a local disk.")
    else:
        yield _row("file system", "good", kind)
    with tempfile.NamedTemporaryFile(dir=database.parent, prefix=".admit-doctor-") as probe:
        apart = abs(Path(probe.name).stat().st_mtime - time.time())
    state: State = "good" if apart <= CLOCKS_AGREE else "mend"
    yield _row("clock", state, f"{apart:.3f} s from that of the file system")


def _file_system(directory: Path) -> str:
    """The kind of the file system that ``directory`` is on."""
    mounts = Path("/proc/self/mounts")
    lines = mounts.read_text().splitlines() if mounts.exists() else []
    on = {Path(line.split()[1].replace("\\040", " ")): line.split()[2] for line in lines}
    return next((on[place] for place in (directory, *directory.parents) if place in on), "unknown")


def _is_there(database: Path | None) -> bool:
    return database is not None and database.exists()


async def _opened(settings: Settings, database: Path | None, *, there: bool) -> list[Row]:
    rows: list[Row] = []
    auth = settings.authority()
    if database is not None and there:
        try:
            async with auth:
                await auth.check()
        except AdmitError as error:
            rows.append(_row("store", "mend", str(error)))
        else:
            rows += [_row("store", "good", f"{database} answers"), _journal(database)]
    elif database is not None:
        rows.append(_row("store", "good", f"{database} will be made at the first start"))
    rows.append(await _hashing(settings, auth))
    return rows


def _journal(database: Path) -> Row:
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    try:
        [mode] = connection.execute("PRAGMA journal_mode").fetchone()
    finally:
        connection.close()
    good = mode == "wal"
    return _row(
        "SQLite", "good" if good else "mend", f"{sqlite3.sqlite_version}, journal {mode}, each commit on disk (FULL)"
    )


async def _hashing(settings: Settings, auth: Authority) -> Row:
    try:
        taken = await auth.hash_time()
    finally:
        await auth.close()
    said = f"one hash takes {taken * 1e3:.0f} ms, {settings.hash_memory // 1024} MiB, {settings.hash_passes} passes"
    if taken > SLOW_HASH:
        return _row("passwords", "weak", f"{said}: people wait. Write less memory or fewer passes.")
    return _row("passwords", "good", said)


def _weakened(source: Path) -> Iterator[Row]:
    """Where an application takes checks back."""
    found = [path for path in sorted(source.rglob("*.py")) if _UNSAFE.search(path.read_text(errors="replace"))]
    for path in found:
        yield _row("unsafe", "weak", f"{path} imports admit.unsafe")
    if not found:
        yield _row("unsafe", "good", f"nothing under {source} imports admit.unsafe")
