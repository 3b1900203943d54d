"""Which ASGI server carries a guarded endpoint best: uvicorn, its parsers and loops, and granian, one worker each.

The endpoint is `GET /api/me`, asked by cookie over 16 kept connections; what is compared is taken in turns.
"""

from __future__ import annotations

import asyncio
import secrets
import selectors
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from admit import Authority
from admit.web import application
from table import Figure, Row, arguments, report

CONNECTIONS = 16
SECONDS = 1.0
PEER = "granian, uvloop"
OURS = "admit serve: uvicorn, httptools, asyncio, answers in one piece"
CASES: Mapping[str, tuple[str, ...]] = {
    "uvicorn, h11, asyncio": ("uvicorn", "h11", "asyncio"),
    "uvicorn, httptools, asyncio": ("uvicorn", "httptools", "asyncio"),
    OURS: ("uvicorn", "bounded", "asyncio"),
    "uvicorn, httptools, uvloop": ("uvicorn", "httptools", "uvloop"),
    "granian, asyncio": ("granian", "", "asyncio"),
    PEER: ("granian", "", "uvloop"),
}


def serve(database: str, port: int, server: str, parser: Any, loop: Any) -> None:
    """Serve the application on ``port`` until this process is ended."""
    app = application(Authority(f"sqlite:///{database}", issuer="http://127.0.0.1:8000"))
    if server == "uvicorn":
        import uvicorn

        from admit.server.connection import Bounded

        parser = Bounded if parser == "bounded" else parser
        uvicorn.run(app, port=port, http=parser, loop=loop, log_config=None, access_log=False, lifespan="off")
    else:
        from granian.constants import Interfaces
        from granian.server.embed import Server

        if loop == "uvloop":
            import uvloop

            uvloop.install()
        asyncio.run(Server(app, port=port, interface=Interfaces.ASGINL, log_enabled=False).serve())


async def cookie_of_ann(database: str) -> str:
    """The Cookie header of somebody who is signed in."""
    async with Authority(f"sqlite:///{database}", issuer="http://127.0.0.1:8000") as auth:
        account = await auth.accounts.create("ann@example.com", secrets.token_urlsafe())
        started = await auth.sessions.start((await auth.subjects.before(account.id)).proven("pwd"))
        return (started.cookie or "").partition(";")[0]


@contextmanager
def running(database: str, kind: tuple[str, ...]) -> Iterator[int]:
    """A server of that kind; its port."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
    process = subprocess.Popen([sys.executable, __file__, "serve", database, str(port), *kind])
    try:
        while True:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except ConnectionRefusedError:
                if process.poll() is not None:
                    sys.exit(f"{kind} did not start")
                time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait()


def rate(port: int, request: bytes, seconds: float) -> float:
    """Requests answered in a second, over all connections, each asking again as soon as it is answered."""
    with ExitStack() as held, selectors.DefaultSelector() as waiting:
        for _ in range(CONNECTIONS):
            connection = held.enter_context(socket.create_connection(("127.0.0.1", port)))
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            waiting.register(connection, selectors.EVENT_READ)
            connection.sendall(request)
        done, began = 0, time.perf_counter()
        while time.perf_counter() - began < seconds:
            for key, _ in waiting.select():
                asked = key.fileobj
                assert isinstance(asked, socket.socket)
                answer = asked.recv(65_536)
                if not answer.endswith(b"}"):  # the body came by itself
                    answer += asked.recv(65_536)
                assert answer.startswith(b"HTTP/1.1 200"), answer
                done += 1
                asked.sendall(request)
        return done / (time.perf_counter() - began)


def main() -> None:
    """Time all servers in turns."""
    options = arguments(__doc__)
    seconds = 0.3 if options.quick else SECONDS
    with tempfile.TemporaryDirectory() as folder, ExitStack() as held:
        database = str(Path(folder) / "admit.db")
        cookie = asyncio.run(cookie_of_ann(database))
        request = f"GET /api/me HTTP/1.1\r\nHost: 127.0.0.1:8000\r\nCookie: {cookie}\r\n\r\n".encode()
        ports = {case: held.enter_context(running(database, kind)) for case, kind in CASES.items()}
        found: dict[str, list[float]] = {case: [] for case in CASES}
        for turn in range(options.slices):
            cases = list(CASES)
            for case in cases[turn % len(cases) :] + cases[: turn % len(cases)]:
                rate(ports[case], request, seconds / 5)
                found[case].append(rate(ports[case], request, seconds))
    rows = [Row(case, Figure.of(rates), "req/s") for case, rates in found.items()]
    ratios = [one / other for one, other in zip(found[OURS], found[PEER], strict=True)]
    report("servers", [*rows, Row("the server's / granian's best", Figure.of(ratios), "×")], options)


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        serve(sys.argv[2], int(sys.argv[3]), *sys.argv[4:])
    else:
        main()
