"""Redis and Valkey servers of the tests' own, from Debian's packages, on free ports of the loopback, stopped by their pid."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from pathlib import Path

from redis import Redis

from commands import free_port
from postgres import small_disk
from server.fleet import alive

PATIENCE = 60.0
DATABASES = 4_000

PROGRAMS = tuple(program for program in ("redis-server", "valkey-server") if shutil.which(program))
"""What keeps what a Redis keeps, of what this machine has: there is no Valkey in Debian before 13."""

SETTINGS = {"appendonly": "yes", "appendfsync": "always", "save": '""', "databases": str(DATABASES)}
REPLICATED = {
    "min-replicas-to-write": "1",
    "min-replicas-max-lag": "1",
    "repl-ping-replica-period": "1",
    "repl-diskless-sync-delay": "0",
}


class Engine:
    """A server in ``folder``, on a port of its own."""

    IMPATIENT = "?timeout=2"
    """Behind a URL: nobody waits for an answer for longer than two seconds."""

    def __init__(self, folder: Path, settings: dict[str, str], *, sentinel: str, program: str) -> None:
        self.folder = folder
        self._program = program
        self.port = free_port()
        self._file = folder / "redis.conf"
        text = "".join(f"{name} {value}\n" for name, value in settings.items())
        self._file.write_text(f"port {self.port}\nbind 127.0.0.1\ndir {folder}\n{text}{sentinel}")
        self._sentinel = bool(sentinel)
        self._databases = itertools.count()
        self.start()

    def start(self) -> None:
        """Return once it takes questions."""
        words = [self._program, str(self._file), *(["--sentinel"] if self._sentinel else [])]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(words, stdout=log, stderr=log, cwd=self.folder)
        try:
            eventually(self.answers, lambda: self.log)
        except BaseException:
            self.kill()
            raise

    def stop(self) -> None:
        """Let it end in order, whoever is connected."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(PATIENCE)

    def kill(self) -> None:
        """End it at once, and whoever writes a file anew for it."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGSTOP)  # nobody is born from here on
            pid = self.process.pid
            writing = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
            for one in (pid, *writing):
                with suppress(ProcessLookupError):
                    os.kill(one, signal.SIGKILL)
            self.process.wait(PATIENCE)
            eventually(lambda: not any(map(alive, writing)))

    def hangs_up(self, url: str) -> bool:
        """Cut the line of whoever hears of news, in ``url`` or any other database; whether there was one."""
        del url
        return self.run("CLIENT", "KILL", "TYPE", "pubsub") != "0"

    def has_ended(self) -> bool:
        """Whether it gave up, within the seconds in which it may still be about to."""
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(2.0)
        return self.process.poll() is not None

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """While inside, it does nothing."""
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)

    def moves_to(self, port: int) -> None:
        """Be found at another port from now on, as whoever takes over an address is."""
        self.run("CONFIG", "SET", "port", str(port))
        self.port = port

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
def redis(
    megabytes: int = 0, /, *, sentinel: str = "", program: str = "redis-server", **settings: str
) -> Iterator[Engine]:
    """A server that has just been made, on a disk of so many ``megabytes`` if any are named; gone afterwards.

    Settings are written with ``_`` for ``-``.
    """
    assert program in PROGRAMS, f"{program} is not installed (make system)"
    folder = Path(tempfile.mkdtemp(prefix="admit-redis-"))
    chosen = ({} if sentinel else SETTINGS) | {name.replace("_", "-"): value for name, value in settings.items()}
    try:
        with small_disk(folder, megabytes) if megabytes else nullcontext():
            engine = Engine(folder, chosen, sentinel=sentinel, program=program)
            try:
                yield engine
            finally:
                engine.kill()  # asked to end in order, one that has just begun to follow another says no
    finally:
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


_nobody = threading.Event()


def eventually(there: Callable[[], bool], told: Callable[[], str] = str) -> None:
    """Return once ``there`` is true."""
    end = time.monotonic() + PATIENCE
    while not there():
        assert time.monotonic() < end, told()
        _nobody.wait(0.02)


class Cluster:
    """Nodes that share what there is: the first three are primaries, and each of the others has one of them to follow."""

    def __init__(self, nodes: list[Engine]) -> None:
        self.nodes = nodes

    def url(self, options: str = "") -> str:
        """The URL that names two of them."""
        return f"redis+cluster://{self.nodes[0].address},{self.nodes[1].address}{options}"

    def is_whole(self) -> bool:
        """Whether every node agrees that all is well, and each of three primaries has a replica that follows it."""
        following = sum("state=online" in node.says("replication").get("slave0", "") for node in self.nodes)
        well = (node.run("CLUSTER", "INFO").startswith("cluster_state:ok") for node in self.nodes)
        # A replica that has never heard of its primary could not take over.
        return following == 3 and all(well)

    def heir(self, node: Engine) -> Engine:
        """The replica of a primary."""
        return next(one for one in self.nodes if f"port={one.port}," in node.says("replication")["slave0"])

    def move(self, home: str) -> Iterator[int]:
        """Move ``home`` to another primary: each step moves a key, and says how many have gone; 0 when all have."""
        slot = self.nodes[0].run("CLUSTER", "KEYSLOT", f"{{{home}}}")
        source = self.keeper(home)
        target = next(one for one in self.nodes if one.says("replication")["role"] == "master" and one is not source)
        names = {one: one.run("CLUSTER", "MYID") for one in (source, target)}
        target.run("CLUSTER", "SETSLOT", slot, "IMPORTING", names[source])
        source.run("CLUSTER", "SETSLOT", slot, "MIGRATING", names[target])
        moved = 0
        with Redis(port=source.port) as said:  # names of keys are not all text
            while keys := said.execute_command("CLUSTER", "GETKEYSINSLOT", slot, 1):
                said.execute_command("MIGRATE", "127.0.0.1", target.port, keys[0], 0, 5000)
                moved += 1
                yield moved
        for one in (target, source):
            one.run("CLUSTER", "SETSLOT", slot, "NODE", names[target])
        yield 0

    def keeper(self, home: str) -> Engine:
        """The primary that keeps ``home``, as the first node that answers says."""
        slot = int(self.nodes[0].run("CLUSTER", "KEYSLOT", f"{{{home}}}"))
        for line in self.nodes[0].run("CLUSTER", "NODES").splitlines():
            _, address, flags, _, _, _, _, _, *slots = line.split()
            # "0-5460 5462", and in brackets what is on its way.
            kept = [tuple(map(int, it.split("-"))) for it in slots if not it.startswith("[")]
            if "master" in flags and "fail" not in flags and any(it[0] <= slot <= it[-1] for it in kept):
                port = int(address.partition("@")[0].rpartition(":")[2])
                return next(node for node in self.nodes if node.port == port)
        raise AssertionError(f"nobody keeps {home}")


@contextmanager
def cluster(**settings: str) -> Iterator[Cluster]:
    """Three primaries, a replica of each, all of the slots."""
    usual = {"cluster_enabled": "yes", "cluster_node_timeout": "3000", "databases": "1", "appendfsync": "everysec"}
    with ExitStack() as stack:
        nodes = [stack.enter_context(redis(**usual | settings | {"cluster_port": str(free_port())})) for _ in range(6)]
        words = ["--cluster", "create", *(node.address for node in nodes), "--cluster-replicas", "1", "--cluster-yes"]
        nodes[0].run(*words)
        made = Cluster(nodes)
        eventually(made.is_whole)
        yield made


@contextmanager
def watched() -> Iterator[tuple[list[Engine], Engine]]:
    """A primary and two replicas, and a Sentinel that puts one of these in its place when it is gone."""
    with ExitStack() as stack:
        usual = {name.replace("-", "_"): value for name, value in REPLICATED.items()}
        primary = stack.enter_context(redis(**usual))
        others = [stack.enter_context(redis(**usual, replicaof=f"127.0.0.1 {primary.port}")) for _ in range(2)]
        eventually(lambda: primary.says("replication").get("min_slaves_good_slaves") == "2")
        watch = f"sentinel monitor main 127.0.0.1 {primary.port} 1\n"
        watch += "sentinel down-after-milliseconds main 500\nsentinel failover-timeout main 5000\n"
        sentinel = stack.enter_context(redis(sentinel=watch))
        eventually(lambda: all(str(other.port) in sentinel.run("SENTINEL", "REPLICAS", "main") for other in others))
        yield [primary, *others], sentinel
