"""How long after a revocation the last of 1, 10 and 50 processes refuses, and what the classic ways take for the same.

Each process verifies one token again and again with short pauses, and tells when it was first refused; time is
counted from the return of the call that revoked. All of them share the cores of one machine: the pauses are half a
millisecond for up to 10 processes, and longer for more, which would else measure their waiting for each other.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import secrets
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Protocol

import jwt

import databases
from admit import Authority, Verifier
from admit.errors import AdmitError
from admit.server.fresh import free_port
from table import Figure, Row, arguments, report

PAUSE = 0.0005
"""Seconds between two verifications of a process, where there are at most :data:`FEW`; else as much longer."""

FEW = 10

REVOCATIONS = {1: 100, FEW: 200, 50: 40}
SECRET = bytes(range(32))
TOKEN_LIFE = 600.0

Check = Callable[[str], bool]


class Way(Protocol):
    """A way of ending credentials."""

    async def issue(self) -> str:
        """A credential of somebody new."""

    async def revoke(self, credential: str) -> float:
        """End it; when nobody may accept it any more (Unix seconds)."""


@dataclass
class Found:
    """Milliseconds from each revocation to the last refusal, acceptances that came too late, microseconds of a check."""

    millis: list[float] = field(default_factory=list[float])
    late: int = 0
    micros: list[float] = field(default_factory=list[float])


class Redis:
    """As much of a client as it takes: one command, one answer."""

    def __init__(self, port: int) -> None:
        self._connection = socket.create_connection(("127.0.0.1", port))
        self._connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __call__(self, *words: str) -> bytes:
        """The answer, as it comes."""
        encoded = [word.encode() for word in words]
        self._connection.sendall(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in encoded))
        return self._connection.recv(4_096)


def by_admit(issuer: str, key: str) -> Check:
    """A verifier."""
    verifier = Verifier(issuer, audience=issuer, key=key, outage="closed")
    verifier.open(60)

    def check(token: str) -> bool:
        try:
            verifier.verify(token)
        except AdmitError:
            return False
        return True

    return check


def by_blocklist(port: str, secret: str) -> Check:
    """PyJWT, and for each request a look whether the token is on the list."""
    redis = Redis(int(port))

    def check(token: str) -> bool:
        claims = jwt.decode(token, secret, algorithms=["HS256"])
        return redis("EXISTS", f"ended:{claims['jti']}") == b":0\r\n"

    return check


def by_session(port: str, _: str) -> Check:
    """For each request the session is read."""
    redis = Redis(int(port))
    return lambda sid: not redis("GET", f"session:{sid}").startswith(b"$-1")


CHECKS = {"admit": by_admit, "blocklist": by_blocklist, "session": by_session}


def process(pipe: Connection, pause: float, check: str, one: str, other: str) -> None:
    """Verify each credential that is handed in until it is refused; None ends it."""
    accepts = CHECKS[check](one, other)
    pipe.send("ready")
    while (credential := pipe.recv()) is not None:
        while not accepts(credential):  # of who signed in a moment ago, everything is there already
            time.sleep(pause)
        began = time.perf_counter()
        for _ in range(20):
            accepts(credential)
        pipe.send((time.perf_counter() - began) / 20 * 1e6)
        last = time.time()
        while accepts(credential):
            time.sleep(pause)
            last = time.time()
        pipe.send((time.monotonic(), last))


@contextmanager
def processes(number: int, check: str, one: str, other: str) -> Iterator[list[Connection]]:
    """``number`` processes that check in that way."""
    context = multiprocessing.get_context("forkserver")
    pause = PAUSE * max(1, number / FEW)
    pipes, started = [], []
    for _ in range(number):
        ours, theirs = context.Pipe()
        begun = context.Process(target=process, args=(theirs, pause, check, one, other), daemon=True)
        begun.start()
        theirs.close()
        pipes.append(ours)
        started.append(begun)
    try:
        for pipe in pipes:
            pipe.recv()
        yield pipes
    finally:
        for pipe in pipes:
            pipe.send(None)
        for begun in started:
            begun.join(10)


def measured(way: Way, loop: asyncio.Runner, pipes: Sequence[Connection], revocations: int) -> Found:
    """Each revocation, from its return to the last refusal."""
    found = Found()
    for _ in range(revocations):
        credential = loop.run(way.issue())
        for pipe in pipes:
            pipe.send(credential)
        found.micros.append(statistics.median([pipe.recv() for pipe in pipes]))
        effective_by = loop.run(way.revoke(credential))
        revoked = time.monotonic()
        refused = [pipe.recv() for pipe in pipes]
        found.millis.append((max(at for at, _ in refused) - revoked) * 1e3)
        found.late += sum(last > effective_by for _, last in refused)
    return found


class Ours:
    """An authority on the store of the server that the verifiers follow, in a process of its own."""

    def __init__(self, auth: Authority) -> None:
        self._auth = auth

    async def issue(self) -> str:
        """An access token."""
        before = await self._auth.subjects.before(secrets.token_hex(8))
        return await self._auth.tokens.access((await self._auth.sessions.start(before.proven("pwd"))).session)

    async def revoke(self, credential: str) -> float:
        """End the session."""
        return (await self._auth.revoke(self._auth.verify(credential))).effective_by


class Blocklist:
    """Tokens, and a list of those that were ended."""

    def __init__(self, redis: Redis, secret: str) -> None:
        self._redis, self._secret = redis, secret

    async def issue(self) -> str:
        """A token."""
        claims = {"jti": secrets.token_hex(8), "sub": "ann", "exp": int(time.time() + TOKEN_LIFE)}
        return jwt.encode(claims, self._secret, "HS256")

    async def revoke(self, credential: str) -> float:
        """Put it on the list."""
        jti = jwt.decode(credential, self._secret, algorithms=["HS256"])["jti"]
        self._redis("SET", f"ended:{jti}", "1", "EX", "600")
        return time.time()


class Sessions:
    """Sessions that are read for each request."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def issue(self) -> str:
        """The id of a session."""
        sid = secrets.token_hex(16)
        self._redis("SET", f"session:{sid}", "ann", "EX", "600")
        return sid

    async def revoke(self, credential: str) -> float:
        """Delete it."""
        self._redis("DEL", f"session:{credential}")
        return time.time()


@contextmanager
def started(command: Sequence[str], port: int, **env: str) -> Iterator[int]:
    """The process of a server once its port answers; stopped at the end."""
    begun = subprocess.Popen(command, env=os.environ | env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                if begun.poll() is not None or time.monotonic() > until:
                    raise
                time.sleep(0.05)
        yield begun.pid
    finally:
        begun.terminate()
        try:
            begun.wait(20)
        except subprocess.TimeoutExpired:
            begun.kill()


@contextmanager
def served(store: str, *, connections: int = 1_000) -> Iterator[tuple[str, int]]:
    """`admit serve` on ``store``: its issuer and its process."""
    port = free_port()
    issuer = f"http://127.0.0.1:{port}"
    env = {"ADMIT_ISSUER": issuer, "ADMIT_STORE": store, "ADMIT_PORT": str(port), "ADMIT_DRAIN_LIMIT": "0"}
    command = [sys.executable, "-m", "admit.server", "serve"]
    with tempfile.NamedTemporaryFile() as secret:
        secret.write(SECRET)
        secret.flush()
        env |= {"ADMIT_SECRET_FILE": secret.name, "ADMIT_MAX_CONNECTIONS": str(connections)}
        with started(command, port, **env) as pid:
            yield issuer, pid


@contextmanager
def stores() -> Iterator[dict[str, str]]:
    """The URL of a store of each kind, as far as their programs are installed."""
    with tempfile.TemporaryDirectory() as folder, databases.urls() as others:
        yield {"SQLite": f"sqlite:///{folder}/admit.db", **others}


def ours(scale: float) -> list[Row]:
    """Verifiers that follow the log."""
    rows: list[Row] = []
    late, micros = 0, 0.0
    with stores() as found, asyncio.Runner() as loop:
        for name, store in found.items():
            numbers = REVOCATIONS if name == "SQLite" else {FEW: REVOCATIONS[FEW]}
            with served(store) as (issuer, _):
                auth = Authority(store, issuer=issuer, secret=SECRET)
                key = loop.run(auth.verifiers.create("bench", issuer))
                for number, revocations in numbers.items():
                    with processes(number, "admit", issuer, key) as pipes:
                        took = measured(Ours(auth), loop, pipes, max(5, round(revocations * scale)))
                    rows += _spread(f"admit on {name}, {number} verifiers", took, bar=10.0 if number == FEW else None)
                    late += took.late
                    micros = micros or statistics.median(took.micros)
                loop.run(auth.close())
    rows.append(_plain("admit: accepted after effective_by", late, "", bar=0))
    rows.append(_plain("admit: one check", micros, "µs"))
    return rows


def classic(scale: float) -> list[Row]:
    """A token alone, and what is read from Redis for each request."""
    rows = [_plain("a token alone: until it expires", TOKEN_LIFE * 1e3, "ms")]
    if shutil.which("redis-server") is None:
        print("NOT MEASURED: what reads Redis for each request (there is no redis-server)", file=sys.stderr)
        return rows
    secret = secrets.token_hex(32)
    with databases.redis("--appendonly", "no") as port, asyncio.Runner() as loop:
        ways: dict[str, Way] = {"blocklist": Blocklist(Redis(port), secret), "session": Sessions(Redis(port))}
        for name, way in ways.items():
            with processes(FEW, name, str(port), secret) as pipes:
                found = measured(way, loop, pipes, max(5, round(REVOCATIONS[FEW] * scale)))
            rows += _spread(f"{name} in Redis, read per request, {FEW} processes", found)
            rows.append(_plain(f"{name} in Redis: one check", statistics.median(found.micros), "µs"))
    return rows


def _spread(case: str, found: Found, bar: float | None = None) -> list[Row]:
    millis = sorted(found.millis)
    p99 = millis[min(len(millis) - 1, round(0.99 * len(millis)))]
    values = {"p50": statistics.median(millis), "p99": p99, "max": millis[-1]}
    return [
        Row(f"{case}, {name}", Figure(value, millis[0], millis[-1]), "ms", bar if name == "p99" else None)
        for name, value in values.items()
    ]


def _plain(case: str, value: float, unit: str, bar: float | None = None) -> Row:
    return Row(case, Figure(value, value, value), unit, bar)


if __name__ == "__main__":
    options = arguments(__doc__)
    fewer = 0.1 if options.quick else 1.0
    report("revocation", [*ours(fewer), *classic(fewer)], options)
