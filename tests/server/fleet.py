"""`admit serve --workers N` as a test sees it: its processes, and connections of which it knows who answers them."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from admit.authority import Authority
from admit.sessions import Session
from commands import environment, free_port

PATIENCE = 120.0

WORKERS = 4
OPEN_DOORS = "\n".join(f'throttle_{what} = ["1000000/60"]' for what in ("account", "device", "source", "sign_up"))
"""Settings under which what floods the server reaches the hashing: guesses are slowed down elsewhere."""

_nobody = threading.Event()


@dataclass(frozen=True)
class Fleet:
    """A server with several workers, in ``directory``."""

    process: subprocess.Popen[str]
    directory: Path
    port: int
    opened: list[Connection] = field(default_factory=list["Connection"])

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def store(self) -> str:
        return f"sqlite:///{self.directory / 'admit.db'}"

    @property
    def log(self) -> str:
        # The last character may be half written.
        return (self.directory / "log").read_text(errors="replace")

    def records(self) -> list[dict[str, Any]]:
        """What is written in its log, where that is JSON; a line that is being written is not there yet."""
        *whole, _ = self.log.split("\n")
        return [json.loads(line) for line in whole]

    def until_said(self, text: str) -> None:
        """Return once ``text`` is in its log. AssertionError, with the log, when it never is."""
        try:
            until(lambda: text in self.log or self.process.poll() is not None, text)
        finally:
            assert text in self.log, self.log

    def workers(self) -> set[int]:
        """The processes that serve."""
        return {pid for pid, parent in _parents() if parent == self.process.pid}

    def kill_one(self) -> int:
        """Kill a worker, and return once another has taken its place: who it was."""
        before = self.workers()
        victim = min(before)
        os.kill(victim, signal.SIGKILL)

        def replaced() -> bool:
            now = self.workers()
            return victim not in now and len(now) == len(before)

        until(replaced, "nobody took its place")
        return victim

    def connect(self, host: str = "") -> Connection:
        self.opened.append(Connection(self.port, host))
        return self.opened[-1]

    def hang_up(self) -> None:
        """Close every connection."""
        while self.opened:
            self.opened.pop().close()

    def one_to_each(self, path: str = "/healthz", headers: Mapping[str, str] = {}) -> dict[int, Connection]:
        """A kept connection to every worker; each has answered ``path`` on it."""
        found: dict[int, Connection] = {}
        workers = self.workers()
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until and found.keys() != workers:
            # Several at once: else whoever woke first takes them all. And those found before: else they are let go.
            fresh = [self.connect() for _ in range(16)]
            for connection in (*found.values(), *fresh):
                connection.send("GET", path, headers=headers)
            for connection in (*found.values(), *fresh):
                assert connection.receive()[0] == 200
            serves = self._who_serves(workers)
            for connection in fresh:
                if found.setdefault(serves[connection.here], connection) is not connection:
                    connection.close()
            if found.keys() != workers:
                _nobody.wait(0.02)
        assert found.keys() == workers
        return found

    def _who_serves(self, workers: set[int]) -> dict[int, int]:
        """The worker at the other end of each connection, by our port."""
        held = {file: pid for pid in workers for file in _open_files(pid)}
        ends = re.compile(rf":{self.port:04X} [0-9A-F]+:([0-9A-F]{{4}}) ")
        found: dict[int, int] = {}
        for line in Path("/proc/net/tcp").read_text().splitlines():
            socket = f"socket:[{line.split()[9]}]"
            if (end := ends.search(line)) and socket in held:
                found[int(end[1], 16)] = held[socket]
        return found


class Connection:
    """One kept connection of HTTP/1.1, opened anew when the server has closed it.

    Who asks for ``host`` says so; with ``trusted`` he asks by TLS, and goes where that name leads.
    """

    def __init__(self, port: int, host: str = "", trusted: ssl.SSLContext | None = None) -> None:
        self._host = {"Host": host} if host else {}
        self._http = (
            http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
            if trusted is None
            else http.client.HTTPSConnection(host.partition(":")[0], port, timeout=PATIENCE, context=trusted)
        )

    def send(self, method: str, path: str, body: object = None, headers: Mapping[str, str] = {}) -> None:
        kind = {} if body is None else {"Content-Type": "application/json"}
        self._http.request(method, path, None if body is None else json.dumps(body), {**self._host, **headers, **kind})

    def receive(self) -> tuple[int, Any]:
        answer = self._http.getresponse()
        text = answer.read()
        # Of whoever stands between, there may be pages.
        is_json = text and "json" in answer.headers.get("Content-Type", "")
        return answer.status, json.loads(text) if is_json else None

    def ask(self, method: str, path: str, body: object = None, **headers: str) -> tuple[int, Any]:
        self.send(method, path, body, headers)
        return self.receive()

    @property
    def here(self) -> int:
        """The port at our end."""
        port: int = self._http.sock.getsockname()[1]
        return port

    def close(self) -> None:
        self._http.close()


def _parents() -> Iterator[tuple[int, int]]:
    """Every living process, and its parent."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(FileNotFoundError, ProcessLookupError):
            pid, _, rest = stat.read_text().partition(" ")
            state, parent, *_ = rest.rpartition(")")[2].split()
            if state != "Z":
                yield int(pid), int(parent)


def alive(pid: int) -> bool:
    """Whether a process has not come to its end."""
    return any(pid == one for one, _ in _parents())


def _open_files(pid: int) -> set[str]:
    found: set[str] = set()
    for name in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            found.add(str(name.readlink()))
    return found


def until(holds: Callable[[], bool], what: str) -> None:
    """Return once it holds. AssertionError when it never does."""
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, what
        _nobody.wait(0.02)


@contextmanager
def until_left() -> Iterator[threading.Event]:
    """What tells those who go on and on that it was enough, also when something fails meanwhile."""
    enough = threading.Event()
    try:
        yield enough
    finally:
        enough.set()


def settings(directory: Path, text: str) -> Path:
    """A file of settings."""
    path = directory / "settings.toml"
    path.write_text(text + "\n")
    return path


def shared(directory: Path, text: str) -> Iterator[Fleet]:
    """What a fixture yields: four workers with the settings of ``text``, for many tests."""
    with serving(directory, WORKERS, "--config", str(settings(directory, text))) as fleet:
        yield fleet


def lent(fleet: Fleet) -> Iterator[Fleet]:
    """What a fixture yields of one that is shared: connections that a test has opened are closed after it."""
    yield fleet
    fleet.hang_up()


@asynccontextmanager
async def beside(fleet: Fleet) -> AsyncIterator[Authority]:
    """The authority that the workers are, in a process of the test's own: signing in costs it nothing."""
    async with Authority(fleet.store, issuer=fleet.base) as auth:
        yield auth


async def signed_in(auth: Authority, subject: str = "ann") -> tuple[str, Session]:
    """The cookie of a new session, as a browser sends it, and the session."""
    started = await auth.sessions.start((await auth.subjects.before(subject)).proven("pwd"))
    assert started.cookie is not None
    return started.cookie.partition(";")[0], started.session


def at_once(connections: Iterable[Connection], method: str, path: str, *args: Any) -> list[tuple[int, Any]]:
    """What each answers to the same request, all of them sent before the first answer is read."""
    asked = list(connections)
    for connection in asked:
        connection.send(method, path, *args)
    return [connection.receive() for connection in asked]


@contextmanager
def serving(directory: Path, workers: int, *words: str, port: int = 0, **env: str) -> Iterator[Fleet]:
    """A server with that many workers, stopped as an operator would stop it."""
    port = port or free_port()
    with (directory / "log").open("w") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "admit.server", "serve", "--workers", str(workers), "--port", str(port), *words],
            cwd=directory, stdout=out, stderr=out, text=True, env=environment(PYTHONUNBUFFERED="1", **env),
        )  # fmt: skip
    fleet = Fleet(process, directory, port)
    try:
        fleet.until_said("listening on")
        yield fleet
    finally:
        fleet.hang_up()
        # Twice: nobody here waits for connections that a test has left open.
        for _ in range(2):
            process.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.5)
        try:
            process.wait(PATIENCE)
        finally:
            process.kill()
