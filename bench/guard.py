"""What a guard costs: one FastAPI endpoint unguarded, behind each of ours, and as others guard theirs.

Requests go as bytes through uvicorn's HTTP protocol, in this process and without sockets, one after another: over a
network every guard looks cheaper. Ratios compare processor time within a slice; requests per second, p50 and p99 are by the clock.
"""

from __future__ import annotations

import asyncio
import importlib.util
import os
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from fastapi import Depends, FastAPI
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from admit import Authority, TokenPolicy
from admit.core.store import Store
from admit.guards.asgi import Guard
from admit.guards.fastapi import install, required
from admit.stores import open_store
from environment import prepared
from table import Figure, Row, arguments, report

PEOPLE = 100
REQUESTS = 100
"""Requests of a case in its turn."""

BAR_GUARD, BAR_DEPENDENCY, BAR_STORE = 0.95, 0.84, 0.02
UNGUARDED = "unguarded"
COOKIE, TOKEN, KEY = ", cookie", ", token", ", API key"
USUAL = [
    (b"host", b"app.example.com"),
    (b"user-agent", b"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"),
    (b"accept", b"application/json"),
    (b"accept-language", b"en-GB,en;q=0.5"),
    (b"accept-encoding", b"gzip, deflate, br"),
    (b"sec-fetch-dest", b"empty"),
    (b"sec-fetch-mode", b"cors"),
    (b"sec-fetch-site", b"same-origin"),
]
Headers = list[tuple[bytes, bytes]]


@dataclass
class Case:
    """An application, what its clients present, and what was measured: by slice, and by request (seconds)."""

    app: Any
    presented: list[Headers]
    cpu: list[float] = field(default_factory=list[float])
    client: Client | None = None
    rates: list[float] = field(default_factory=list[float])
    seconds: list[float] = field(default_factory=list[float])

    async def turn(self, requests: int, latencies: list[float]) -> float:
        """Ask ``requests`` times; the processor time that each took (seconds)."""
        client = self.client = self.client or Client(self.app)
        asked = [wire(headers) for headers in random.choices(self.presented, k=requests)]
        begun = time.process_time()
        for request in asked:
            at = time.perf_counter()
            await client.ask(request)
            latencies.append(time.perf_counter() - at)
        return (time.process_time() - begun) / requests

    def quantile(self, part: float) -> float:
        """Microseconds within which ``part`` of the requests were answered."""
        return sorted(self.seconds)[int(part * len(self.seconds))] * 1e6


def wire(headers: Headers) -> bytes:
    """A request as it comes over the wire."""
    lines = [b"GET /links HTTP/1.1", *(name + b": " + value for name, value in [*USUAL, *headers])]
    return b"\r\n".join([*lines, b"", b""])


class Client(asyncio.Transport):
    """A connection to uvicorn's HTTP protocol that leads nowhere: what is asked and answered stays in this process."""

    def __init__(self, app: Any) -> None:
        super().__init__({"peername": ("127.0.0.1", 50_000), "sockname": ("127.0.0.1", 443)})
        config = Config(app, http="httptools", access_log=False, log_config=None, timeout_keep_alive=86_400)
        config.load()
        self._answered: asyncio.Future[None] | None = None
        self._server: Any = HttpToolsProtocol(config, ServerState(), {})
        self._server.connection_made(self)

    async def ask(self, request: bytes) -> None:
        """Send ``request`` and wait for the answer, which has to be 200, or the figure would be of something else."""
        self._answered = asyncio.get_running_loop().create_future()
        self._server.data_received(request)
        await self._answered

    def write(self, data: Any) -> None:
        """Take what the server writes; the last of an answer is its body."""
        if data[:5] == b"HTTP/":
            assert data[:12] == b"HTTP/1.1 200", data
        if data[-1:] == b"}" and self._answered is not None and not self._answered.done():
            self._answered.set_result(None)

    def is_closing(self) -> bool:
        """Never."""
        return False

    def pause_reading(self) -> None:
        """Nothing is read from anywhere."""

    def resume_reading(self) -> None:
        """Nothing is read from anywhere."""


class Counter:
    """Counts what a store is asked: every verb, and every read of the end of its log."""

    def __init__(self, store: Store) -> None:
        self.asked = 0
        for verb in ("get", "find", "commit", "log", "purge", "count"):
            setattr(store, verb, self._counted(getattr(store, verb)))

    def _counted(self, call: Any) -> Any:
        def counted(*given: Any, **named: Any) -> Any:
            self.asked += 1
            return call(*given, **named)

        return counted


def endpoint(app: FastAPI, **options: Any) -> FastAPI:
    """The endpoint, in ``app``."""

    @app.get("/links", **options)
    async def links() -> dict[str, str]:
        return {"links of": "user"}

    return app


async def ours(auth: Authority) -> dict[str, Case]:
    """The endpoint unguarded, and behind each guard by cookie, by token and by API key."""
    cookies, tokens, keys = list[Headers](), list[Headers](), list[Headers]()
    for place in range(PEOPLE):
        before = await auth.subjects.before(f"user-{place}")
        started = await auth.sessions.start(before.proven("pwd"))
        assert started.cookie
        cookies.append([(b"cookie", started.cookie.partition(";")[0].encode())])
        tokens.append([(b"authorization", f"Bearer {await auth.tokens.access(started.session)}".encode())])
        made = await auth.api_keys.create(before, "bench")
        keys.append([(b"authorization", f"Bearer {made.text}".encode())])
    who: Any = Depends(required(auth))
    depending = endpoint(FastAPI(), dependencies=[who])
    install(depending, auth)
    behind = Guard(endpoint(FastAPI()), auth)

    async def nothing() -> None:
        """A dependency that does nothing."""

    idle = endpoint(FastAPI(), dependencies=[Depends(nothing)])
    return {
        # What is sent costs as well, so the endpoint that looks at nothing is sent the same.
        UNGUARDED + TOKEN: Case(free := endpoint(FastAPI()), tokens),
        UNGUARDED + COOKIE: Case(free, cookies),
        UNGUARDED + KEY: Case(free, keys),
        "ASGI guard, token": Case(behind, tokens),
        "ASGI guard, cookie": Case(behind, cookies),
        "ASGI guard, API key": Case(behind, keys),
        "dependency, token": Case(depending, tokens),
        "dependency, cookie": Case(depending, cookies),
        "dependency, API key": Case(depending, keys),
        "a dependency that does nothing": Case(idle, tokens),
    }


async def others(folder: Path) -> dict[str, Case]:
    """The peers; none where they are not installed."""
    if importlib.util.find_spec("fastapi_users") is None:
        return {}
    import peers

    return {
        "PyJWT, async dependency": Case(*peers.with_pyjwt(PEOPLE)),
        **{name: Case(*case) for name, case in (await peers.with_fastapi_users(folder, PEOPLE)).items()},
        "starsessions in memory, cookie": Case(*await peers.with_starsessions(PEOPLE)),
    }


async def measured(slices: int, turns: int) -> tuple[dict[str, Case], float]:
    """Every case, in turns, and how many store operations a guarded request of ours took."""
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(f"sqlite:///{folder}/admit.db")
        counter = Counter(store)
        policy = TokenPolicy(access=3_600)
        async with Authority(store, issuer="https://app.example.com/auth", tokens=policy) as auth:
            mine = await ours(auth)
            cases = {**mine, **await others(Path(folder))}
            for case in cases.values():
                await case.turn(10 * PEOPLE, [])
            asked_before, guarded = counter.asked, 0
            names = list(cases)
            for place in range(slices):
                order = names[place % len(names) :] + names[: place % len(names)]
                cpu: dict[str, float] = dict.fromkeys(names, 0.0)
                latencies: dict[str, list[float]] = {name: [] for name in names}
                for _ in range(turns):
                    for name in order:
                        cpu[name] += await cases[name].turn(REQUESTS, latencies[name])
                for name, case in cases.items():
                    case.cpu.append(cpu[name] / turns)
                    case.rates.append(len(latencies[name]) / sum(latencies[name]))
                    case.seconds += latencies[name]
            guarded = sum(len(case.seconds) for name, case in mine.items() if "guard," in name or "dependency," in name)
            return cases, (counter.asked - asked_before) / guarded


def rows(cases: dict[str, Case], operations: float) -> Iterator[Row]:
    """What was found, with the bars."""
    for name, case in cases.items():
        yield Row(f"{name}: requests per second", Figure.of(case.rates), "/s")
        yield Row(f"{name}: p50", Figure.of([case.quantile(0.5)]), "µs")
        yield Row(f"{name}: p99", Figure.of([case.quantile(0.99)]), "µs")
    for name, case in cases.items():
        sent = next((kind for kind in (COOKIE, KEY) if name.endswith(kind)), TOKEN)
        free = cases[UNGUARDED + sent].cpu
        ratio = Figure.of([unguarded / taken for unguarded, taken in zip(free, case.cpu, strict=True)])
        bar = {"ASGI guard": BAR_GUARD, "dependency": BAR_DEPENDENCY}.get(name.partition(",")[0])
        if not name.startswith(UNGUARDED):
            yield Row(f"{name} / unguarded", ratio, "×", bar, "min")
    yield Row("store operations per guarded request, warm", Figure.of([operations]), "", BAR_STORE)


def with_peers() -> None:
    """Go on in the environment that holds the peers; where it cannot be made, go on without them and say so."""
    if importlib.util.find_spec("fastapi_users") is not None:
        print(f"peers: from bench.lock, with email-validator {version('email-validator')}", file=sys.stderr)
        return
    if (python := prepared()) is not None:
        os.execv(python, [str(python), *sys.argv])


if __name__ == "__main__":
    options = arguments(__doc__)
    with_peers()
    report("guard", list(rows(*asyncio.run(measured(options.slices, 2 if options.quick else 8)))), options)
