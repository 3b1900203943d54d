"""A real Caddy, with the configuration that a page gives."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from commands import stopped
from server.fleet import until

# Nothing but the site: no address to be configured at, no redirect from port 80, no root certificate of its own.
_ALONE = "{\n    admin off\n    auto_https off\n}\n"


@contextmanager
def caddy(directory: Path, port: int, site: str) -> Iterator[None]:
    """A Caddy with that site, which listens at ``port``, from a directory of its own."""
    (directory / "Caddyfile").write_text(f"{_ALONE}{site}")
    env = os.environ | {"XDG_DATA_HOME": str(directory), "XDG_CONFIG_HOME": str(directory), "HOME": str(directory)}
    command = ["caddy", "run", "--adapter", "caddyfile", "--config", str(directory / "Caddyfile")]
    with (directory / "said").open("w") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, env=env, cwd=directory)
    with stopped(process):
        until(lambda: _listens(port) or process.poll() is not None, "Caddy does not start")
        assert process.poll() is None, (directory / "said").read_text()
        yield


def _listens(port: int) -> bool:
    with socket.socket() as plain:
        return plain.connect_ex(("127.0.0.1", port)) == 0
