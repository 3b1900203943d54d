"""Engines that a benchmark starts for itself from what is installed, on free loopback ports, durable as in use."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from admit.server.fresh import free_port

PATIENCE = 60.0

MADE = {
    "max_connections": "200",
    "shared_buffers": "128MB",
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
}
"""How PostgreSQL is set; all else is as Debian has it, so each commit is on disk before it counts."""


def programs() -> Path | None:
    """Where the newest PostgreSQL of this machine has its programs; None where there is none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[4]))
    return found[-1].parent if found else None


@contextmanager
def postgresql() -> Iterator[str]:
    """The URL of an empty database; its server ends with it."""
    found = programs()
    if found is None:
        raise SystemExit("PostgreSQL is not installed: make system")
    user = "postgres" if os.geteuid() == 0 else None  # it refuses to be run by root
    with _folder(user) as folder:
        data, port = folder / "data", free_port()
        how = ("-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C")
        subprocess.run([found / "initdb", "-D", data, *how], user=user, cwd=folder, check=True, capture_output=True)
        options = [text for name, value in MADE.items() for text in ("-c", f"{name}={value}")]
        with (folder / "log").open("ab") as log:
            process = subprocess.Popen(
                [found / "postgres", "-D", data, "-p", str(port), *options],
                stdout=log,
                stderr=log,
                cwd=folder,
                user=user,
            )
        try:
            ready = [str(found / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port)]
            until = time.monotonic() + PATIENCE
            while subprocess.run(ready, check=False).returncode:
                if process.poll() is not None or time.monotonic() > until:
                    raise RuntimeError((folder / "log").read_text())
                time.sleep(0.05)
            yield f"postgresql://postgres@127.0.0.1:{port}/postgres"
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(PATIENCE)


@contextmanager
def urls() -> Iterator[dict[str, str]]:
    """The URL of an empty store of each kind that lies behind a network, as far as they are installed."""
    kinds = {
        "PostgreSQL": (programs(), postgresql),
        "Redis": (shutil.which("redis-server"), _redis_url),
    }
    with ExitStack() as held:
        found: dict[str, str] = {}
        for name, (program, begin) in kinds.items():
            if program is None:
                print(f"NOT MEASURED: {name} (it is not installed)", file=sys.stderr)
            else:
                found[name] = held.enter_context(begin())
        yield found


@contextmanager
def _redis_url() -> Iterator[str]:
    with redis() as port:
        yield f"redis://127.0.0.1:{port}"


@contextmanager
def redis(*settings: str) -> Iterator[int]:
    """A Redis that writes each command to disk before it answers, or as ``settings`` say; its port."""
    program = shutil.which("redis-server")
    if program is None:
        raise SystemExit("redis-server is not installed: make system")
    how = settings or ("--appendonly", "yes", "--appendfsync", "always")
    with _folder(None) as folder:
        port = free_port()
        process = subprocess.Popen(
            [program, "--port", str(port), "--bind", "127.0.0.1", "--dir", folder, "--save", "", *how],
            stdout=subprocess.DEVNULL,
        )
        try:
            until = time.monotonic() + PATIENCE
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    break
                except OSError:
                    if process.poll() is not None or time.monotonic() > until:
                        raise
                    time.sleep(0.02)
            yield port
        finally:
            process.terminate()
            process.wait(PATIENCE)


@contextmanager
def _folder(owner: str | None) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="admit-bench-"))
    if owner is not None:
        shutil.chown(folder, owner, owner)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)
