"""Who asks an application in this process: through uvicorn's HTTP protocol, as a server of WSGI calls it, or by gRPC."""

from __future__ import annotations

import asyncio
import io
import random
from collections.abc import Callable, Iterable, Iterator
from itertools import cycle, islice
from typing import Any, TypeVar

import grpc
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

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
"""What a browser sends beside its credential."""

V = TypeVar("V")
Headers = list[tuple[bytes, bytes]]
Ask = Callable[[int], object]
"""Asks so many times, each time as the next of those who may, in no order; whoever asked last time was another."""


def over_asgi(runner: asyncio.Runner, app: Any, presented: list[Headers]) -> Ask:
    """Requests to an ASGI application, through a server's protocol."""
    asked = _in_turns(wire(headers) for headers in presented)

    async def connected() -> Client:
        return Client(app)

    client = runner.run(connected())

    async def ask(times: int) -> None:
        for request in islice(asked, times):
            await client.ask(request)

    return lambda times: runner.run(ask(times))


def over_wsgi(app: Any, presented: list[Headers]) -> Ask:
    """Requests to a WSGI application, as a server calls it."""
    asked = _in_turns(environ(headers) for headers in presented)

    def ask(times: int) -> None:
        for request in islice(asked, times):
            started: list[str] = []
            given = {**request, "wsgi.input": io.BytesIO()}
            answer = app(given, lambda status, _, started=started: started.append(status))
            b"".join(answer)
            getattr(answer, "close", int)()
            assert started[0].startswith("200"), started

    return ask


def over_grpc(channel: grpc.Channel, presented: list[Headers]) -> Ask:
    """Calls of a method, over loopback."""
    asked = _in_turns(tuple((name.decode(), value.decode()) for name, value in headers) for headers in presented)
    call: Any = channel.unary_unary("/links.Links/Read")

    def ask(times: int) -> None:
        for metadata in islice(asked, times):
            call(b"{}", metadata=metadata)

    return ask


def _in_turns(requests: Iterable[V]) -> Iterator[V]:
    found = list(requests)
    random.shuffle(found)
    return cycle(found)


def wire(headers: Headers) -> bytes:
    """A request as it comes over the wire."""
    lines = [b"GET /links HTTP/1.1", *(name + b": " + value for name, value in [*USUAL, *headers])]
    return b"\r\n".join([*lines, b"", b""])


def environ(headers: Headers) -> dict[str, Any]:
    """A request as a server of WSGI hands it over."""
    given = {f"HTTP_{name.decode().upper().replace('-', '_')}": value.decode() for name, value in [*USUAL, *headers]}
    return {
        "REQUEST_METHOD": "GET", "SCRIPT_NAME": "", "PATH_INFO": "/links", "QUERY_STRING": "", "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "443", "SERVER_PROTOCOL": "HTTP/1.1", "REMOTE_ADDR": "127.0.0.1", "wsgi.version": (1, 0),
        "wsgi.url_scheme": "https", "wsgi.errors": io.StringIO(), "wsgi.multithread": True, "wsgi.multiprocess": False,
        "wsgi.run_once": False, **given,
    }  # fmt: skip


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

    def close(self) -> None:
        """Nothing was opened."""

    def pause_reading(self) -> None:
        """Nothing is read from anywhere."""

    def resume_reading(self) -> None:
        """Nothing is read from anywhere."""
