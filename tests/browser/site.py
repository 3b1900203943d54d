"""Web sites for a real browser: ours, its siblings and those of attackers, over TLS on invented host names."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import uvicorn
from starlette.responses import HTMLResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from admit.authority import Authority
from admit.core.address import TrustedProxies
from admit.core.policy import Policy, Rule
from admit.lab.browser.certificate import self_signed
from admit.stores.memory import MemoryStore
from admit.unsafe import CHEAPEST_HASH
from admit.web import application
from admit.web.hand_over import PATH, THERE
from services import PassingClock
from worlds import Watched

HOST = "auth.example.test"
ALIAS = "alias.example.test"
EVIL = "evil.test"
SIBLING = "sub.example.test"
EMAIL = "ann@example.com"
PASSWORD = "a password of some length"
NEW_PASSWORD = "another one, not shorter"

T = TypeVar("T")


class Web:
    """Every host of a test: ours, which changes from test to test, and any page on any other."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.loop = asyncio.new_event_loop()
        self.ours: ASGIApp | None = None
        self.elsewhere = dict[str, tuple[str, dict[str, str]]]()
        self.protected = ""
        self.visited = set[str]()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, to whichever of the sites."""
        host = dict(scope["headers"]).get(b"host", b"").decode().partition(":")[0]
        if host in (HOST, ALIAS) and self.ours is not None:
            await self.ours(scope, receive, send)
        elif host == self.protected and scope["path"] == THERE and self.ours is not None:
            await self.ours({**scope, "path": PATH, "raw_path": PATH.encode()}, receive, send)
        else:
            self.visited.add(host + scope["path"])
            page, headers = self.elsewhere.get(host + scope["path"], ("nothing", {}))
            await HTMLResponse(page, headers=headers)(scope, receive, send)

    @contextmanager
    def site(self, **settings: Any) -> Iterator[Site]:
        """Our site, as new."""
        here = Site(self, **settings)
        self.elsewhere.clear()
        self.protected = ""
        self.visited.clear()
        self.ours = here.app
        here.do(here.auth.open())
        yield here
        self.ours = None
        here.do(here.auth.close())


class Site:
    """Ours at ``origin``, and the attackers beside it."""

    def __init__(self, web: Web, **settings: Any) -> None:
        self._web = web
        self.origin = f"https://{HOST}:{web.port}"
        self.clock = PassingClock()
        self.store = Watched(MemoryStore())
        self.auth = Authority(
            self.store, issuer=self.origin, hashing=CHEAPEST_HASH, clock=self.clock, scopes={"user": "links:read"}
        )
        self.app = application(self.auth, **settings)

    def protect(self, host: str) -> str:
        """Have a gateway protect another host, which hands on to us what is asked for on the way there; its origin."""
        self._web.protected, name = host, f"{host}:{self._web.port}"
        policy = Policy(rules=(Rule.of(1, name, "/*", allow="signed-in"),), networks=TrustedProxies.of(["127.0.0.1"]))
        self._web.ours = self.app = application(self.auth, forward=policy)
        return f"https://{name}"

    def other(self, host: str, page: str, path: str = "/", **headers: str) -> str:
        """Put ``page`` on another site; its URL."""
        self._web.elsewhere[host + path] = page, {name.replace("_", "-"): value for name, value in headers.items()}
        return f"https://{host}:{self._web.port}{path}"

    @property
    def visited(self) -> set[str]:
        """What was asked of other sites, as host and path."""
        return self._web.visited

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        """What ``work`` gives in the loop of the server."""
        return asyncio.run_coroutine_threadsafe(work, self._web.loop).result(20)

    def breaks(self, error: Exception) -> None:
        """Let the store answer nothing but ``error`` from now on."""

        async def broken() -> None:
            raise error

        for verb in ("get", "find", "commit", "count"):
            self.store.before[verb] = broken

    def signed_up(self, email: str = EMAIL, password: str = PASSWORD) -> str:
        """Somebody who has an account; its id."""
        return self.do(self.auth.accounts.create(email, password, roles=["user"])).id

    def signed_in_elsewhere(self, subject: str, device: str) -> None:
        """Another device on which somebody is signed in."""

        async def start() -> None:
            before = await self.auth.subjects.before(subject)
            await self.auth.sessions.start(before.proven("pwd"), device=device)

        self.do(start())


@contextmanager
def served(directory: Path) -> Iterator[Web]:
    """Every host, on a free port of this machine. Browsers go first: it waits until their connections are closed."""
    certificate, key = self_signed(directory, "*.example.test", EVIL)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        web = Web(listening.getsockname()[1])
        config = uvicorn.Config(
            web, lifespan="off", log_config=None, access_log=False, server_header=False, proxy_headers=False,
            ssl_certfile=str(certificate), ssl_keyfile=str(key),
        )  # fmt: skip
        server = uvicorn.Server(config)
        with asyncio.Runner(loop_factory=lambda: web.loop) as runner:
            thread = threading.Thread(target=runner.run, args=(server.serve(sockets=[listening]),))
            thread.start()
            yield web
            server.should_exit = True
            thread.join(20)
