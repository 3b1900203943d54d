"""A PostgreSQL of the tests' own: from Debian's package, in a folder of its own, on a port of its own, stopped by its pid."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path

from commands import free_port

PATIENCE = 60.0

SETTINGS = {
    "fsync": "off",  # the machine does not fail in these tests; the process does, and loses nothing by it
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "32MB",
}


def programs() -> Path | None:
    """Where the newest PostgreSQL of this machine has its programs."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[4]))
    return found[-1].parent if found else None


def listening(url: str) -> str:
    """What is true of a connection on which somebody hears of news in that database, or asks whether he still would."""
    return f"datname = '{url.rpartition('/')[2]}' AND (query LIKE 'LISTEN%' OR query = 'SELECT 1')"


class Engine:
    """A server in ``folder``, on a port of its own."""

    IMPATIENT = "?connect_timeout=2&statement_timeout=2&lock_timeout=2"
    """Behind a URL: nobody waits for an answer for longer than two seconds."""

    def __init__(self, folder: Path, port: int, options: Mapping[str, str]) -> None:
        self.folder = folder
        self.port = port
        self._options = options
        self.start()

    def start(self) -> None:
        """Return once it takes questions."""
        options = [text for name, value in self._options.items() for text in ("-c", f"{name}={value}")]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [_program("postgres"), "-D", self.folder / "data", "-p", str(self.port), *options],
                stdout=log, stderr=log, cwd=self.folder, user=user(),
            )  # fmt: skip
        end = time.monotonic() + PATIENCE
        while not self.answers():
            assert self.process.poll() is None, self.log
            assert time.monotonic() < end, self.log

    def stop(self) -> None:
        """Let it end in order, whoever is connected."""
        self.process.send_signal(signal.SIGINT)
        self.process.wait(PATIENCE)

    def kill(self) -> None:
        """End all of its processes at once, in whatever they do."""
        with self.stopped():
            everyone = self._everyone()
            _signal(everyone, signal.SIGKILL)
        self.process.wait(PATIENCE)
        # Those whose parent is gone are looked after by somebody else, who may take his time.
        until = time.monotonic() + PATIENCE
        while any(map(_lives, everyone)):
            assert time.monotonic() < until

    def hangs_up(self, url: str) -> bool:
        """Cut the line of whoever hears of news in that database; whether there was one."""
        return bool(self.run(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {listening(url)}"))

    def has_ended(self) -> bool:
        """Whether it gave up, within the seconds in which it may still be about to."""
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(2.0)
        return self.process.poll() is not None

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """While inside, none of its processes does anything."""
        _signal([self.process.pid], signal.SIGSTOP)  # it starts no other from here on
        everyone = self._everyone()
        _signal(everyone, signal.SIGSTOP)
        try:
            yield
        finally:
            _signal(everyone, signal.SIGCONT)

    def _everyone(self) -> list[int]:
        pid = self.process.pid
        return [pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]

    def url(self, database: str) -> str:
        """The URL of a database."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def database(self) -> str:
        """The URL of a new and empty one."""
        name = f"t{secrets.token_hex(6)}"
        self.run(f"CREATE DATABASE {name}")
        return self.url(name)

    def set(self, **settings: str) -> None:
        """Have it go on with other settings, of those that need no restart."""
        for name, value in settings.items():
            self.run(f"ALTER SYSTEM SET {name} = '{value}'")
        self.run("SELECT pg_reload_conf()")

    def run(self, statement: str, database: str = "postgres") -> str:
        """What psql prints."""
        done = subprocess.run(
            [_program("psql"), "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", self.url(database), "-c", statement],
            capture_output=True, text=True, check=True, timeout=PATIENCE,
        )  # fmt: skip
        return done.stdout.strip()

    def answers(self) -> bool:
        """Whether it takes questions."""
        try:
            return self.run("SELECT 1") == "1"
        except subprocess.CalledProcessError:
            return False

    @property
    def log(self) -> str:
        """What it wrote."""
        return (self.folder / "log").read_text()

    @contextmanager
    def standby(self) -> Iterator[Engine]:
        """Another server that repeats what this one does."""
        with own_folder() as folder:
            source = f"host=127.0.0.1 port={self.port} user=postgres"
            _done("pg_basebackup", "-D", folder / "data", "-d", source, "-R", "-c", "fast", "--no-sync", folder=folder)
            with _running(Engine(folder, free_port(), self._options)) as found:
                yield found


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[None]:
    """While inside, ``folder`` is a disk of its own, in memory, and of that size."""
    options = f"size={megabytes}m,mode=700,uid={folder.stat().st_uid},gid={folder.stat().st_gid}"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


@contextmanager
def postgres(megabytes: int = 0, **settings: str) -> Iterator[Engine]:
    """A server that has just been made, on a disk of so many ``megabytes`` if any are named; gone afterwards."""
    with own_folder() as folder, small_disk(folder, megabytes) if megabytes else nullcontext():
        how = ("--wal-segsize=1", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        _done("initdb", "-D", folder / "data", *how, folder=folder)
        with _running(Engine(folder, free_port(), SETTINGS | settings)) as found:
            yield found


@contextmanager
def _running(engine: Engine) -> Iterator[Engine]:
    try:
        yield engine
    finally:
        if engine.process.poll() is None:
            engine.stop()


@contextmanager
def own_folder() -> Iterator[Path]:
    """A folder of whoever runs it; gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="admit-postgres-"))
    if (owner := user()) is not None:
        shutil.chown(folder, owner, owner)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def _signal(processes: Iterable[int], kind: signal.Signals) -> None:
    for pid in processes:
        with suppress(ProcessLookupError):
            os.kill(pid, kind)


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def user() -> str | None:
    """Who runs it: it refuses to be run by root."""
    return "postgres" if os.geteuid() == 0 else None


def _program(name: str) -> Path:
    found = programs()
    assert found is not None, "PostgreSQL is not installed (make system)"
    return found / name


def _done(name: str, *words: str | Path, folder: Path) -> None:
    done = subprocess.run(
        [_program(name), *words],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        cwd=folder,
        user=user(),
        check=False,
    )
    assert done.returncode == 0, done.stderr
