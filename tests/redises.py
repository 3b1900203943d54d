"""Redis servers of the tests' own, from Debian's package, on free ports of the loopback, stopped by their pid."""

from __future__ import annotations

import itertools
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from commands import free_port

PATIENCE = 60.0
DATABASES = 1_000

SETTINGS = {"appendonly": "yes", "appendfsync": "always", "save": '""', "databases": str(DATABASES)}
REPLICATED = {
    "min-replicas-to-write": "1",
    "min-replicas-max-lag": "1",
    "repl-ping-replica-period": "1",
    "repl-diskless-sync-delay": "0",
}


class Engine:
    """A server in ``folder``, on a port of its own."""

    def __init__(self, folder: Path, settings: dict[str, str], *, sentinel: str = "") -> None:
        self.folder = folder
        self.port = free_port()
        self._file = folder / "redis.conf"
        text = "".join(f"{name} {value}\n" for name, value in settings.items())
        self._file.write_text(f"port {self.port}\nbind 127.0.0.1\ndir {folder}\n{text}{sentinel}")
        self._sentinel = bool(sentinel)
        self._databases = itertools.count()
        self.start()

    def start(self) -> None:
        """Return once it takes questions."""
        words = ["redis-server", str(self._file), *(["--sentinel"] if self._sentinel else [])]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(words, stdout=log, stderr=log, cwd=self.folder)
        try:
            eventually(self.answers, lambda: self.log)
        except BaseException:
            self.kill()
            raise

    def kill(self) -> None:
        """End it at once."""
        self.process.kill()
        self.process.wait(PATIENCE)

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """While inside, it does nothing."""
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)

    def run(self, *words: str) -> str:
        """What it answers, as redis-cli prints it."""
        command = ["redis-cli", "-h", "127.0.0.1", "-p", str(self.port), *words]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=PATIENCE).stdout.strip()

    def answers(self) -> bool:
        """Whether it takes questions."""
        assert self.process.poll() is None, self.log
        with socket.socket() as tried:
            if tried.connect_ex(("127.0.0.1", self.port)) != 0:
                return False
        return self.run("PING") == "PONG"

    def says(self, section: str) -> dict[str, str]:
        """A section of INFO."""
        return dict(line.split(":", 1) for line in self.run("INFO", section).splitlines() if ":" in line)

    def url(self, options: str = "", *, database: int = 0) -> str:
        """The URL of a database."""
        return f"redis://127.0.0.1:{self.port}/{database}{options}"

    def database(self) -> str:
        """The URL of one that nobody has used."""
        return self.url(database=next(self._databases))

    @property
    def address(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        """What it wrote."""
        return (self.folder / "log").read_text()


@contextmanager
def redis(*, sentinel: str = "", **settings: str) -> Iterator[Engine]:
    """A server that has just been made; gone afterwards. Settings are written with ``_`` for ``-``."""
    assert shutil.which("redis-server"), "redis-server is not installed (make system)"
    folder = Path(tempfile.mkdtemp(prefix="admit-redis-"))
    chosen = ({} if sentinel else SETTINGS) | {name.replace("_", "-"): value for name, value in settings.items()}
    engine = Engine(folder, chosen, sentinel=sentinel)
    try:
        yield engine
    finally:
        engine.kill()  # asked to end in order, one that has just begun to follow another says no
        shutil.rmtree(folder)


@contextmanager
def pair(**settings: str) -> Iterator[tuple[Engine, Engine]]:
    """A primary that writes only while its replica follows it, and that replica."""
    with ExitStack() as stack:
        usual = {name.replace("-", "_"): value for name, value in REPLICATED.items()} | settings
        primary = stack.enter_context(redis(**usual))
        replica = stack.enter_context(redis(**usual, replicaof=f"127.0.0.1 {primary.port}"))
        eventually(lambda: "state=online" in primary.says("replication").get("slave0", ""), lambda: replica.log)
        yield primary, replica


def eventually(there: Callable[[], bool], told: Callable[[], str] = str) -> None:
    """Return once ``there`` is true."""
    end = time.monotonic() + PATIENCE
    while not there():
        assert time.monotonic() < end, told()
        time.sleep(0.02)
