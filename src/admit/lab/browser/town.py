"""The sites of the attacks: an application that somebody is signed in to, a sibling of it, and an attacker's."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Callable, Coroutine, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar
from urllib.parse import parse_qs

from admit.lab.browser.certificate import self_signed
from admit.lab.strategy import Unmeasured

APP, SIBLING, EVIL = "app.example.test", "sub.example.test", "evil.test"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, as far as the sites look at it."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: str

    def cookie(self, name: str) -> str | None:
        """The first cookie of that name: what is sent first is what most frameworks go by."""
        pairs = (pair.strip().partition("=") for pair in self.headers.get("cookie", "").split(";"))
        return next((value for key, _, value in pairs if key == name), None)


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer; a text is a page, unless it says otherwise."""

    status: int = 200
    body: str = ""
    headers: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])

    @classmethod
    def of(cls, what: object) -> Answer:
        """JSON."""
        return cls(200, json.dumps(what), [("content-type", "application/json")])


Site = Callable[[Asked], Coroutine[Any, Any, Answer]]


class Town:
    """The sites by host, served over TLS on one port of this machine."""

    def __init__(self, port: int, loop: asyncio.AbstractEventLoop) -> None:
        self.sites: dict[str, Site] = {}
        self._port = port
        self._loop = loop

    def url(self, host: str, path: str = "/") -> str:
        """An address in it."""
        return f"https://{host}:{self._port}{path}"

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        """The outcome of ``work``, done where the sites are served."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """One request, to whichever of the sites."""
        if scope["type"] != "http":
            return
        body, more = b"", True
        while more:
            event = await receive()
            body += event.get("body", b"")
            more = event.get("more_body", False)
        headers = {name.decode(): value.decode("latin-1") for name, value in scope["headers"]}
        query = {name: values[0] for name, values in parse_qs(scope["query_string"].decode()).items()}
        asked = Asked(scope["method"], scope["path"], query, headers, body.decode())
        site = self.sites.get(headers.get("host", "").partition(":")[0])
        answer = Answer(404) if site is None else await site(asked)
        given = answer.headers
        if not any(name == "content-type" for name, _ in given):
            given = [*given, ("content-type", "text/html; charset=utf-8")]
        raw = [(name.encode(), value.encode()) for name, value in [*given, ("cache-control", "no-store")]]
        await send({"type": "http.response.start", "status": answer.status, "headers": raw})
        await send({"type": "http.response.body", "body": answer.body.encode()})


@contextmanager
def town() -> Generator[Town]:
    """Every site, from a thread with an event loop of its own. Raises Unmeasured without the server's packages."""
    try:
        import uvicorn
    except ModuleNotFoundError as error:
        raise Unmeasured("the browser attacks need a server: pip install 'admit[server,lab]'") from error
    with TemporaryDirectory() as folder, socket.create_server(("127.0.0.1", 0)) as listening:
        certificate, key = self_signed(Path(folder), APP, SIBLING, EVIL)
        loop = asyncio.new_event_loop()
        here = Town(listening.getsockname()[1], loop)
        config = uvicorn.Config(
            here,
            log_config=None,
            lifespan="off",
            ssl_certfile=certificate,
            ssl_keyfile=key,
            timeout_graceful_shutdown=1,
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=loop.run_until_complete, args=(server.serve([listening]),), daemon=True)
        thread.start()
        try:
            yield here
        finally:
            server.should_exit = True
            thread.join(10)
            loop.close()
