"""What a store does in a second (rotations, session starts, revocations), and what sign-ins do to other requests.

Each rotation, start and revocation is a commit, on disk before it counts (SQLite: synchronous=FULL). The grace
is 0, so that every refresh rotates.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import secrets
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from multiprocessing.connection import Connection

import databases
from busy import ACTS, Busy
from client import EMAIL, Client
from table import Figure, Row, arguments, report

SIGNING_IN = 16
NUMBERS = {1: "one process", 2: "two"}
BARS = {"rotations: PostgreSQL, one process": 1_500.0}


def work(url: str, pipe: Connection) -> None:
    """A process that does what it is told, and answers with the rate; None ends it."""

    async def serve() -> None:
        busy = Busy(url)
        while (order := pipe.recv()) is not None:
            pipe.send(await busy.rate(*order))
        await busy.close()

    asyncio.run(serve())


@contextmanager
def workers(url: str, number: int) -> Iterator[list[Connection]]:
    """``number`` processes on the store at ``url``."""
    context = multiprocessing.get_context("spawn")
    pipes, started = [], []
    for _ in range(number):
        ours, theirs = context.Pipe()
        process = context.Process(target=work, args=(url, theirs), daemon=True)
        process.start()
        theirs.close()  # so that the death of a worker is the end of its pipe
        pipes.append(ours)
        started.append(process)
    try:
        yield pipes
    finally:
        for pipe in pipes:
            pipe.send(None)
        for process in started:
            process.join(10)


def rates(slices: int, seconds: float) -> list[Row]:
    """Every act on every store, in turns."""
    with ExitStack() as held:
        folder = held.enter_context(tempfile.TemporaryDirectory())
        crews = [("memory, one process", "memory://", 1)]
        crews += [(f"SQLite, {name}", f"sqlite:///{folder}/{n}.db", n) for n, name in NUMBERS.items()]
        for store, url in held.enter_context(databases.urls()).items():
            crews += [(f"{store}, {name}", url, n) for n, name in NUMBERS.items()]
        found: dict[str, list[float]] = {}
        for name, url, number in crews:
            with workers(url, number) as pipes:
                for _ in range(slices):
                    for act in ACTS:
                        for pipe in pipes:
                            pipe.send((act, seconds))
                        found.setdefault(f"{act}: {name}", []).append(sum(pipe.recv() for pipe in pipes))
    return [
        Row(case, Figure.of(values), "/s", BARS.get(case), direction="min") for case, values in sorted(found.items())
    ]


@contextmanager
def server(folder: str) -> Iterator[tuple[int, str]]:
    """``admit serve`` on SQLite with one account: its port and the password."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    password = secrets.token_urlsafe(16)
    env = os.environ | {
        "ADMIT_STORE": f"sqlite:///{folder}/served.db",
        "ADMIT_ISSUER": f"http://127.0.0.1:{port}",
        "ADMIT_PORT": str(port),
        # Nothing is to be slowed down here but by the work itself.
        "ADMIT_THROTTLE_ACCOUNT": "100000/60",
        "ADMIT_THROTTLE_SOURCE": "100000/60",
        "ADMIT_SESSION_LIMIT": "1000",
    }
    command = [sys.executable, "-m", "admit.server"]
    created = [*command, "accounts", "create", EMAIL, "--password-stdin"]
    subprocess.run(created, env=env, input=password, text=True, check=True, capture_output=True)
    process = subprocess.Popen([*command, "serve"], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_for(port, process)
        yield port, password
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(10)


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 20
    while time.monotonic() < until and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError("the server did not start")


async def beside(port: int, password: str, signing_in: int, seconds: float) -> tuple[float, list[float]]:
    """Sign-ins a second by ``signing_in`` people at once, and the milliseconds of each request beside them."""
    until = time.perf_counter() + seconds
    probe = Client(port)
    cookie = await probe.sign_in(password)
    taken: list[float] = []

    async def sign_in() -> int:
        client, done = Client(port), 0
        while time.perf_counter() < until:
            await client.sign_in(password)
            done += 1
        return done

    async def request() -> int:
        while time.perf_counter() < until:
            began = time.perf_counter()
            await probe.found("GET", "/api/me", headers=f"cookie: {cookie}\r\n")
            taken.append((time.perf_counter() - began) * 1e3)
            await asyncio.sleep(0.002)
        return 0

    done = await asyncio.gather(request(), *(sign_in() for _ in range(signing_in)))
    return sum(done) / seconds, taken


def sign_ins(slices: int, seconds: float) -> list[Row]:
    """Requests alone and beside sign-ins, in turns."""
    alone: list[float] = []
    median: list[float] = []
    worst: list[float] = []
    signed_in: list[float] = []
    with tempfile.TemporaryDirectory() as folder, server(folder) as (port, password):
        for _ in range(slices):
            _, taken = asyncio.run(beside(port, password, 0, seconds))
            alone.append(statistics.median(taken))
            rate, taken = asyncio.run(beside(port, password, SIGNING_IN, seconds))
            signed_in.append(rate)
            median.append(statistics.median(taken))
            worst.append(max(taken))
    return [
        Row(f"argon2id sign-ins, {SIGNING_IN} people at once", Figure.of(signed_in), "/s", direction="min"),
        Row("a request while nobody signs in, p50", Figure.of(alone), "ms"),
        Row("a request while they sign in, p50", Figure.of(median), "ms", bar=5),
        Row("a request while they sign in, the slowest of a slice", Figure.of(worst), "ms", bar=50),
    ]


if __name__ == "__main__":
    options = arguments(__doc__)
    each = options.seconds * 10
    report("refresh", [*rates(options.slices, each), *sign_ins(options.slices, each * 3)], options)
