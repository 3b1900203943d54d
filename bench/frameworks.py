"""What a guard costs in each framework: an endpoint unguarded, and guarded by cookie, token and API key.

ASGI is asked through uvicorn's HTTP protocol, WSGI as a server would call it, both in this process and without
sockets; gRPC over loopback, its client included. Ratios compare processor time within a slice. Django's own
sessions and simplejwt are measured beside, where bench.lock could be installed.
"""

from __future__ import annotations

import asyncio
import io
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import flask as flasks
import grpc
import litestar as litestars
from fastapi import Depends, FastAPI
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

import djangos
from admit import Authority, TokenPolicy
from admit.guards import fastapi, flask, litestar, starlette, wsgi
from admit.guards import grpc as grpc_guard
from guard import USUAL, Client, Headers, wire, with_peers
from table import Row, Timings, arguments, interleave, report

PEOPLE = 100
REQUESTS = 100
"""Requests of a case at a time."""

ISSUER = "https://app.example.com/auth"
Ask = Callable[[], object]


def by_fastapi(auth: Authority | None) -> Any:
    app = FastAPI()
    guards = [Depends(fastapi.required(auth))] if auth else []

    @app.get("/links", dependencies=guards)
    async def links() -> dict[str, str]:
        return {"links of": "user"}

    if auth:
        fastapi.install(app, auth)
    return app


def by_starlette(auth: Authority | None) -> Any:
    async def links(_: Request) -> JSONResponse:
        return JSONResponse({"links of": "user"})

    app = Starlette(routes=[Route("/links", starlette.required(auth)(links) if auth else links)])
    if auth:
        starlette.install(app, auth)
    return app


def by_litestar(auth: Authority | None) -> Any:
    @litestars.get("/links", guards=[litestar.required(auth)] if auth else [])
    async def links() -> dict[str, str]:
        return {"links of": "user"}

    return litestars.Litestar([links], plugins=[litestar.AdmitPlugin(auth)] if auth else [], logging_config=None)


def by_flask(auth: Authority | None) -> Any:
    app = flasks.Flask("links")

    def links() -> dict[str, str]:
        return {"links of": "user"}

    app.add_url_rule("/links", view_func=flask.required(auth)(links) if auth else links)
    if auth:
        flask.install(app, auth)
    return app


def by_wsgi(auth: Authority | None) -> Any:
    def app(_: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", "20")])
        return [b'{"links of": "user"}']

    return wsgi.Guard(app, auth) if auth else app


OVER_ASGI = {
    "FastAPI": by_fastapi,
    "Starlette": by_starlette,
    "Litestar": by_litestar,
    "Django, ASGI": djangos.on_a_loop,
}
OVER_WSGI = {"WSGI": by_wsgi, "Flask": by_flask, "Django, WSGI": djangos.in_threads}


def credentials(auth: Authority) -> dict[str, list[Headers]]:
    """What a hundred people present, each in three ways."""
    found: dict[str, list[Headers]] = {"cookie": [], "token": [], "API key": []}
    for place in range(PEOPLE):
        before = auth.sync.subjects.before(f"user-{place}")
        started = auth.sync.sessions.start(before.proven("pwd"))
        found["cookie"].append([(b"cookie", started.cookie.partition(";")[0].encode())])
        key = auth.sync.api_keys.create(before, "bench").text
        for kind, text in (("token", auth.sync.tokens.access(started.session)), ("API key", key)):
            found[kind].append([(b"authorization", f"Bearer {text}".encode())])
    return found


def over_asgi(runner: asyncio.Runner, app: Any, presented: list[Headers]) -> Ask:
    """Requests to an ASGI application, through a server's protocol."""
    asked = [wire(headers) for headers in presented]

    async def connected() -> Client:
        return Client(app)

    client = runner.run(connected())

    async def ask() -> None:
        for request in random.choices(asked, k=REQUESTS):
            await client.ask(request)

    return lambda: runner.run(ask())


def over_wsgi(app: Any, presented: list[Headers]) -> Ask:
    """Requests to a WSGI application, as a server calls it."""
    asked = [environ(headers) for headers in presented]

    def ask() -> None:
        for request in random.choices(asked, k=REQUESTS):
            started: list[str] = []
            answer = app(
                {**request, "wsgi.input": io.BytesIO()}, lambda status, _, started=started: started.append(status)
            )
            b"".join(answer)
            getattr(answer, "close", int)()
            assert started[0].startswith("200"), started

    return ask


def environ(headers: Headers) -> dict[str, Any]:
    """A request as a server of WSGI hands it over."""
    given = {f"HTTP_{name.decode().upper().replace('-', '_')}": value.decode() for name, value in [*USUAL, *headers]}
    return {
        "REQUEST_METHOD": "GET", "SCRIPT_NAME": "", "PATH_INFO": "/links", "QUERY_STRING": "", "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "443", "SERVER_PROTOCOL": "HTTP/1.1", "REMOTE_ADDR": "127.0.0.1", "wsgi.version": (1, 0),
        "wsgi.url_scheme": "https", "wsgi.errors": io.StringIO(), "wsgi.multithread": True, "wsgi.multiprocess": False,
        "wsgi.run_once": False, **given,
    }  # fmt: skip


@contextmanager
def served_by_grpc(auth: Authority | None) -> Iterator[grpc.Channel]:
    """A channel to a server with threads whose only method answers what it was asked."""
    interceptors: Any = [grpc_guard.Interceptor(auth)] if auth else []
    with ThreadPoolExecutor(2) as pool:
        server = grpc.server(pool, interceptors=interceptors)
        method: Any = grpc.unary_unary_rpc_method_handler(lambda request, _: request)
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("links.Links", {"Read": method}),))
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield channel
        server.stop(None).wait()


def over_grpc(channel: grpc.Channel, presented: list[Headers]) -> Ask:
    """Calls of a method, over loopback."""
    asked = [tuple((name.decode(), value.decode()) for name, value in headers) for headers in presented]
    call: Any = channel.unary_unary("/links.Links/Read")

    def ask() -> None:
        for metadata in random.choices(asked, k=REQUESTS):
            call(b"{}", metadata=metadata)

    return ask


def peers() -> dict[str, Ask]:
    """What Django's users guard with, each behind the view it is usual for."""
    app, cookies = djangos.with_sessions(PEOPLE)
    found = {SESSIONS: over_wsgi(app, cookies)}
    if (jwt := djangos.with_simplejwt(PEOPLE)) is not None:
        free, guarded, tokens = jwt
        found |= {f"{SIMPLEJWT}{UNGUARDED}": over_wsgi(free, tokens), SIMPLEJWT: over_wsgi(guarded, tokens)}
    return found


UNGUARDED = ", unguarded"
SESSIONS, SIMPLEJWT = "Django, its own sessions", "Django REST framework, simplejwt"


def cases(auth: Authority, runner: asyncio.Runner, stack: ExitStack) -> dict[str, Ask]:
    """Every case, by its name; one that is guarded goes with one of nearly the same name that is not."""
    shown, found = credentials(auth), dict[str, Ask]()
    for door, mark in ((None, UNGUARDED), (auth, "")):
        channel = stack.enter_context(served_by_grpc(door))
        on_loop = {name: made(door) for name, made in OVER_ASGI.items()}
        in_threads = {name: made(door) for name, made in OVER_WSGI.items()}
        # What is sent costs as well, so the endpoint that looks at nothing is sent the same.
        for kind, presented in shown.items():
            found |= {f"{name}, {kind}{mark}": over_asgi(runner, app, presented) for name, app in on_loop.items()}
            found |= {f"{name}, {kind}{mark}": over_wsgi(app, presented) for name, app in in_threads.items()}
            found[f"gRPC, {kind}{mark}"] = over_grpc(channel, presented)
    return found | peers()


def rows(timings: Timings) -> Iterator[Row]:
    """What was found; a peer is to be left behind."""
    names = sorted(timings.seconds)
    for name in names:
        yield Row(name, timings.micros(name), "µs")
    for name in names:
        if f"{name}{UNGUARDED}" in names:
            yield Row(f"{name} / unguarded", timings.ratio(f"{name}{UNGUARDED}", name), "×")
    ours = ("Django, WSGI, cookie", "Django, WSGI, token")
    for mine, theirs in zip(ours, (SESSIONS, SIMPLEJWT), strict=True):
        if theirs in names:
            yield Row(f"{mine} / {theirs}: requests", timings.ratio(theirs, mine), "×", 1.0, "min")


def measured(slices: int, seconds: float) -> Timings:
    """Every case, in turns."""
    with tempfile.TemporaryDirectory() as folder, asyncio.Runner() as runner, ExitStack() as stack:
        djangos.configure(Path(folder))
        policy = TokenPolicy(access=3_600)
        auth = Authority(f"sqlite:///{folder}/admit.db", issuer=ISSUER, tokens=policy, scopes={})
        found = cases(auth, runner, stack)
        for ask in found.values():
            for _ in range(10):
                ask()
        timings = interleave(found, slices, operations=REQUESTS, seconds=seconds, clock=time.process_time)
        auth.sync.close()
        return timings


if __name__ == "__main__":
    options = arguments(__doc__)
    with_peers()
    report("frameworks", list(rows(measured(options.slices, options.seconds))), options)
