"""What `admit doctor` says of an SQLite store: who can read its files, on what they lie, and how they are written."""

from __future__ import annotations

import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from admit.stores.examined import Examined, Finding, judged
from admit.stores.sqlite_file import not_ours

CLOCKS_AGREE = 1.0
"""Seconds by which the clock of the file system may differ from ours: servers of one store go by both."""

_NETWORKS = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "glusterfs", "fuse.sshfs", "fuse.glusterfs"}


def examined(database: Path) -> Examined:
    """What there is to say of the files of ``database``; nothing is changed, and nothing is made."""
    begun = database.exists()
    findings = [*files(database, database.with_name(f"{database.name}-secret")), *_place(database)]
    if begun:
        findings.append(_journal(database))
    return Examined(findings, begun)


def files(*paths: Path) -> Iterator[Finding]:
    """Whether others can read what only its owner may."""
    for path in paths:
        if path.exists():
            mode = path.stat().st_mode & 0o777
            yield judged(
                str(path), f"mode {mode:o}", f"open to others. Write chmod 600 {path}" if mode & 0o077 else None
            )


def _place(database: Path) -> Iterator[Finding]:
    if not database.parent.is_dir():
        yield Finding("directory", "weak", f"{database.parent} is not there yet")
        return
    kind = _file_system(database.parent.resolve())
    network = (
        "it is a network's, and SQLite's locks do not hold there. Use a local disk." if kind in _NETWORKS else None
    )
    yield judged("file system", kind, network)
    try:
        with tempfile.NamedTemporaryFile(dir=database.parent, prefix=".admit-doctor-") as probe:
            apart = abs(Path(probe.name).stat().st_mtime - time.time())
    except OSError as error:
        yield Finding("directory", "mend", f"{database.parent} cannot be written to: {error.strerror}")
        return
    late = None if apart <= CLOCKS_AGREE else "lifetimes and limits go by both. Set them by NTP."
    yield judged("clock", f"{apart:.3f} s from that of the file system", late)


def _file_system(directory: Path) -> str:
    """The kind of the file system that ``directory`` is on."""
    mounts = Path("/proc/self/mounts")
    lines = mounts.read_text().splitlines() if mounts.exists() else []
    on = {Path(line.split()[1].replace("\\040", " ")): line.split()[2] for line in lines}
    return next((on[place] for place in (directory, *directory.parents) if place in on), "unknown")


def _journal(database: Path) -> Finding:
    if theirs := not_ours(database):
        return Finding("SQLite", "mend", theirs)
    try:
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
            [mode] = connection.execute("PRAGMA journal_mode").fetchone()
    except sqlite3.DatabaseError as error:
        return Finding(
            "SQLite", "mend", f"{database} cannot be read: {error}. Put a backup back, and run admit restore"
        )
    said = f"{sqlite3.sqlite_version}, journal {mode}, each commit on disk (FULL)"
    return judged("SQLite", said, None if mode == "wal" else "a start makes it wal, unless another program has it open")
