"""One endpoint in each framework, which says whose links these are: unguarded, or guarded as its users would."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import flask as flasks
import grpc
import litestar as litestars
from fastapi import Depends, FastAPI
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from admit import Authority
from admit.guards import asgi, fastapi, flask, litestar, starlette, wsgi
from admit.guards import grpc as grpc_guard

ANSWER = {"links of": "user"}


async def nothing(*_: Any) -> None:
    """What the framework takes for a guard that asks for nothing."""


def with_fastapi(*asked: Any) -> FastAPI:
    """FastAPI, where ``asked`` are dependencies."""
    app = FastAPI()

    @app.get("/links", dependencies=list(asked))
    async def links() -> dict[str, str]:
        return ANSWER

    return app


def by_dependency(auth: Authority) -> Any:
    """FastAPI's dependency."""
    fastapi.install(app := with_fastapi(Depends(fastapi.required(auth))), auth)
    return app


def by_idle_dependency(_: Authority) -> Any:
    """A dependency that does nothing."""

    async def idle() -> None: ...

    return with_fastapi(Depends(idle))


def by_asgi(auth: Authority) -> Any:
    """The guard around the whole application."""
    return asgi.Guard(with_fastapi(), auth)


def with_starlette(auth: Authority | None = None) -> Any:
    async def links(_: Request) -> JSONResponse:
        return JSONResponse(ANSWER)

    app = Starlette(routes=[Route("/links", starlette.required(auth)(links) if auth else links)])
    if auth:
        starlette.install(app, auth)
    return app


def with_litestar(*guards: Any, plugins: Any = ()) -> Any:
    @litestars.get("/links", guards=list(guards))
    async def links() -> dict[str, str]:
        return ANSWER

    return litestars.Litestar([links], plugins=list(plugins), logging_config=None)


def by_litestar(auth: Authority) -> Any:
    """Litestar's guard."""
    return with_litestar(litestar.required(auth), plugins=[litestar.AdmitPlugin(auth)])


def by_idle_litestar(_: Authority) -> Any:
    """A guard that does nothing: Litestar copies the handler for each call of one."""
    return with_litestar(nothing)


def with_flask(auth: Authority | None = None) -> Any:
    app = flasks.Flask("links")

    def links() -> dict[str, str]:
        return ANSWER

    app.add_url_rule("/links", view_func=flask.required(auth)(links) if auth else links)
    if auth:
        flask.install(app, auth)
    return app


def by_wsgi(auth: Authority) -> Any:
    """The guard around the whole application."""
    return wsgi.Guard(with_flask(), auth)


def bare(_: Any, start_response: Any) -> list[bytes]:
    """A WSGI application that does nothing else: beside it, all there is to see is the guard."""
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", "20")])
    return [b'{"links of": "user"}']


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
