"""One command that serves, as a process of its own: started, waited for, stopped as an operator would stop it."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx

from commands import environment, stopped

PATIENCE = 120
"""Seconds for what takes two."""


@contextmanager
def running(directory: Path, *words: str) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """A command that serves, and where its log is; stopped as an operator would stop it."""
    log = directory / "log"
    with log.open("w") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "admit.server", *words],
            cwd=directory, stdout=out, stderr=out, text=True, env=environment(PYTHONUNBUFFERED="1"),
        )  # fmt: skip
    with stopped(process):
        yield process, log


def wait_for(base: str, process: subprocess.Popen[str], log: Path) -> None:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        try:
            if httpx.get(f"{base}/healthz").status_code == 200:
                return
        except httpx.TransportError:
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.05)
                break
    raise AssertionError(log.read_text())
