"""The command line as scripts meet it: a process, its output, its exit code."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from admit.server import fresh

free_port = fresh.free_port

PATIENCE = 300.0
"""Seconds after which a command that says nothing is given up."""


@contextmanager
def stopped(process: subprocess.Popen[Any], how: signal.Signals = signal.SIGTERM) -> Iterator[None]:
    """Stop ``process`` when this is left, ``how`` an operator would, and for certain."""
    try:
        yield
    finally:
        process.send_signal(how)
        try:
            process.wait(PATIENCE)
        finally:
            process.kill()


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
        cwd=directory, input=stdin, capture_output=True, text=True, env=environment(**env), timeout=PATIENCE, check=False,
    )  # fmt: skip
    return Said(done.returncode, done.stdout, done.stderr)
