"""The command line as scripts meet it: a process, its output, its exit code."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Said:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def environment(**more: str) -> dict[str, str]:
    """The environment of a process of ours: no settings but those named."""
    return {name: text for name, text in os.environ.items() if not name.startswith("ADMIT_")} | more


def admit(directory: Path, *words: str, stdin: str = "", **env: str) -> Said:
    """What `admit` says in ``directory``."""
    done = subprocess.run(
        [sys.executable, "-m", "admit.server", *words],
        cwd=directory, input=stdin, capture_output=True, text=True, env=environment(**env), timeout=60, check=False,
    )  # fmt: skip
    return Said(done.returncode, done.stdout, done.stderr)


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
        return port
