"""A fresh server in a process and a directory of its own, gone when it is left."""

from __future__ import annotations

import os
import random
import socket
import subprocess
import sys
import time
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Self

from admit.errors import StoreUnavailable
from admit.server import place
from admit.server.client import ask
from admit.server.settings import PREFIX

START_AT_MOST = 30.0
"""Seconds until a server that does not answer is given up."""

_STOP_AT_MOST = 10.0
_ASK_EVERY = 0.05


class Fresh:
    """A server on a free port of this machine. Raises StoreUnavailable if it won't start.

    ``grace`` (seconds) is that of refresh tokens, ``fresh_for`` is how long a sign-in may end other devices.
    """

    def __init__(self, *, grace: float, fresh_for: float) -> None:
        self.port = free_port()
        self._directory = TemporaryDirectory(prefix="admit-")
        self._config = place.prepare(Path(self._directory.name), self.port, token_grace=grace, confirm_within=fresh_for)
        self._log = Path(self._directory.name) / "server.log"

    def __enter__(self) -> Self:
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(self._line("serve"), stderr=log, env=_environment())  # noqa: S603 - ourselves
        try:
            self._wait()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        try:
            self._process.wait(_STOP_AT_MOST)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._directory.cleanup()

    def command(self, *words: str) -> int:
        """Run the command line on the same file, in another process; its exit code."""
        line = self._line(*words, "--json")
        return subprocess.run(line, check=False, capture_output=True, env=_environment()).returncode  # noqa: S603 - ourselves

    def _line(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "admit.server", *words, "--config", str(self._config)]

    def _wait(self) -> None:
        until = time.monotonic() + START_AT_MOST
        while time.monotonic() < until and self._process.poll() is None:
            if self._answers():
                return
            time.sleep(_ASK_EVERY)
        raise StoreUnavailable(f"The server did not start.\n{self._log.read_text(errors='replace')}")

    def _answers(self) -> bool:
        try:
            return ask(self.port, "GET", "/healthz").status == HTTPStatus.OK
        except StoreUnavailable:
            return False


def free_port() -> int:
    """A port of this machine that nobody listens on, and that no connection is given before somebody does."""
    while True:
        # Above 32767 a system takes ports for outgoing connections, and might take this one before it is listened on.
        port = random.randrange(10_000, 32_768)  # noqa: S311 - nobody has to guess it
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


def _environment() -> dict[str, str]:
    """The environment without settings of ours, which may be somebody's production."""
    return {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
