"""The same small application behind each guard, and clients in front of it."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, cast
from wsgiref.types import StartResponse, WSGIEnvironment

import flask
import httpx
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest, JsonResponse
from django.urls import path
from fastapi import Depends, FastAPI, WebSocket
from litestar import HttpMethod, Litestar, route, websocket
from litestar import Request as LitestarRequest
from litestar import WebSocket as LitestarSocket
from litestar.di import NamedDependency
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route, WebSocketRoute

from admit.core.principal import Principal
from admit.core.requirement import Requirement
from admit.guards import django, fastapi, litestar, starlette, wsgi
from admit.guards import flask as flask_guard
from admit.guards.asgi import PRINCIPAL, App, Guard, Receive, Scope, Send
from admit.trail import ACTING, Acting
from guards.djangos import site
from guards.threads import in_a_thread
from worlds import ORIGIN, World, value_of

PAGES = {"sign_in": "/auth/sign-in", "confirm": "/auth/confirm"}
OF_LITESTAR: list[HttpMethod] = [HttpMethod.GET, HttpMethod.HEAD, HttpMethod.OPTIONS, HttpMethod.POST]
METHODS = ["GET", "HEAD", "OPTIONS", "POST"]
SERVED: deque[Acting] = deque(maxlen=8)
"""Who acted, as far as the audit log knew, while the last requests were answered."""


def serve() -> None:
    """Remember who acts now."""
    says, of = ACTING.get()
    SERVED.append(says(of))


def answer(subject: str) -> dict[str, str]:
    """What every route here answers."""
    serve()
    return {"who": subject}


def asgi(world: World, **asked: Any) -> App:
    """An application in bare ASGI behind the middleware."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        who: Principal = scope[PRINCIPAL]
        assert scope["state"]["principal"] is who
        if scope["type"] == "websocket":
            await send({"type": "websocket.accept"})
            await send({"type": "websocket.send", "text": who.subject})
            await send({"type": "websocket.close", "code": 1000})
        else:
            await JSONResponse(answer(who.subject))(scope, receive, send)

    return Guard(app, world.auth, requirement(asked), **PAGES)


def with_starlette(world: World, **asked: Any) -> App:
    """A Starlette application whose endpoints are decorated."""
    guarded = starlette.required(world.auth, *asked.pop("scopes", ()), **asked)

    @guarded
    async def endpoint(request: Request) -> JSONResponse:
        return JSONResponse(answer(request.user.identity))

    @guarded
    async def socket(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_text(websocket.user.display_name)
        await websocket.close()

    app = Starlette(routes=[Route("/links", endpoint, methods=METHODS), WebSocketRoute("/links", socket)])
    starlette.install(app, world.auth, **PAGES)
    return app


def with_fastapi(world: World, **asked: Any) -> FastAPI:
    """A FastAPI application whose routes depend on the guard."""
    admitted: Any = Depends(fastapi.required(world.auth, *asked.pop("scopes", ()), **asked))
    app = FastAPI()
    fastapi.install(app, world.auth, **PAGES)

    @app.api_route("/links", methods=METHODS)
    async def links(who: Principal = admitted) -> dict[str, str]:
        return answer(who.subject)

    @app.websocket("/links")
    async def socket(websocket: WebSocket, who: Principal = admitted) -> None:
        await websocket.accept()
        await websocket.send_text(who.subject)
        await websocket.close()

    return app


def with_litestar(world: World, **asked: Any) -> App:
    """A Litestar application whose handlers are guarded."""
    guards: Any = [litestar.required(world.auth, *asked.pop("scopes", ()), **asked)]

    @route("/links", http_method=OF_LITESTAR, status_code=200, guards=guards)
    async def links(
        request: LitestarRequest[Principal, None, Any], principal: NamedDependency[Principal]
    ) -> dict[str, str]:
        assert request.user is principal
        return answer(principal.subject)

    @websocket("/links", guards=guards)
    async def socket(socket: LitestarSocket[Principal, None, Any]) -> None:
        await socket.accept()
        await socket.send_text(socket.user.subject)
        await socket.close()

    app: Any = Litestar([links, socket], plugins=[litestar.AdmitPlugin(world.auth, **PAGES)], logging_config=None)
    return of_no_method(app)


def of_no_method(app: Any) -> App:
    """``app`` by Litestar, which takes a WebSocket for a mere GET of the same path where a server says it of one."""

    async def served(scope: Scope, receive: Receive, send: Send) -> None:
        await app({**scope, "method": ""} if scope["type"] == "websocket" else scope, receive, send)

    return served


def with_wsgi(world: World, **asked: Any) -> App:
    """An application in bare WSGI behind the middleware."""

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        who: Principal = environ[wsgi.PRINCIPAL]
        start_response("200 OK", [("Content-Type", "application/json")])
        yield json.dumps(answer(who.subject)).encode()

    return in_a_thread(wsgi.Guard(app, world.auth, requirement(asked), **PAGES))


def with_flask(world: World, **asked: Any) -> App:
    """A Flask application whose views are decorated."""
    guarded = flask_guard.required(world.auth, *asked.pop("scopes", ()), **asked)
    app = flask.Flask("links")
    flask_guard.install(app, world.auth, **PAGES)

    @app.route("/links", methods=METHODS)
    @guarded
    def links() -> dict[str, str]:
        who: Principal = flask.g.principal
        assert flask.request.environ[wsgi.PRINCIPAL] is who
        return answer(who.subject)

    # What opens a WebSocket has rules of its own in Werkzeug, and comes to a view like any other.
    app.add_url_rule("/links", "socket", links, websocket=True)
    return in_a_thread(app)


DJANGO_PAGES = {f"ADMIT_{name.upper()}": page for name, page in PAGES.items()}


def with_django(world: World, **asked: Any) -> App:
    """A Django site on an event loop, whose views are coroutines."""

    @django.required(world.auth, *asked.pop("scopes", ()), **asked)
    async def links(request: HttpRequest) -> JsonResponse:
        assert (await request.auser()).pk == request.user.pk
        return JsonResponse(answer(request.user.get_username()))

    return cast("App", site(ASGIHandler, world.auth, path("links", links), **DJANGO_PAGES))


def with_django_in_threads(world: World, **asked: Any) -> App:
    """A Django site behind WSGI, whose views are plain."""

    @django.required(world.auth, *asked.pop("scopes", ()), **asked)
    def links(request: HttpRequest) -> JsonResponse:
        who: Principal = request.principal  # type: ignore[attr-defined]  # Django's way to hand things on
        return JsonResponse(answer(who.subject))

    return in_a_thread(site(WSGIHandler, world.auth, path("links", links), **DJANGO_PAGES))


def requirement(asked: dict[str, Any]) -> Requirement:
    """What ``asked`` asks, as the other guards take it."""
    return Requirement.of(*asked.get("scopes", ()), **{key: asked[key] for key in asked if key != "scopes"})


Made = Callable[..., App]
WITH_SOCKETS: list[Made] = [asgi, with_starlette, with_fastapi, with_litestar]
BEHIND_WSGI: list[Made] = [with_wsgi, with_flask, with_django_in_threads]
GUARDS: list[Made] = [*WITH_SOCKETS, with_django, *BEHIND_WSGI]


def client(app: App, **headers: str) -> httpx.AsyncClient:
    """A client of ``app`` that sends ``headers``."""
    return httpx.AsyncClient(transport=_AsAServer(app), base_url=ORIGIN, headers=headers)


class _AsAServer(httpx.ASGITransport):
    """Answers each request in a task of its own."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return await asyncio.create_task(super().handle_async_request(request))


def by_cookie(line: Any) -> dict[str, str]:
    """The header of a browser that has the cookie."""
    return {"Cookie": f"__Host-admit={value_of(line)}"}


def by_token(token: str) -> dict[str, str]:
    """The header of a client that has the access token."""
    return {"Authorization": f"Bearer {token}"}


async def roles(here: World, subject: str, roles: list[str]) -> None:
    """Give ``subject`` its roles."""
    await here.auth.subjects.change(subject, lambda held: held.with_roles(roles))
