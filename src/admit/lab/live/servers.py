"""The servers of a lane, each an ASGI application: where Ann signs in, and those that she then uses."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from admit.lab.live.wire import Exchange, Headers, exchange
from admit.lab.strategy import About, Count, Ending, Held, Issuer, Refused, Server, Unavailable

ANN = "ann"
OK, NO_CONTENT, UNAUTHORIZED, FORBIDDEN, UNAVAILABLE = 200, 204, 401, 403, 503

_NAMES = {"cookie": "cookie", "bearer": "authorization"}  # as ASGI has them
_HTTP_ONLY = "Path=/; Secure; HttpOnly; SameSite=Lax"


@dataclass(frozen=True, slots=True)
class Answered:
    """What a server answered, what it had to ask of others for it, and how long the strategy took of that."""

    exchange: Exchange
    operations: int
    round_trips: int
    microseconds: float


class AppServer:
    """The application server ``number``, which tells by ``server`` who is asking."""

    def __init__(self, number: int, about: About, server: Server) -> None:
        self.number = number
        self.requests = self.operations = 0
        self.status = 0
        self._header = _NAMES[about.carrier]
        self._server = server
        self._spent = 0.0
        self._one_at_a_time = asyncio.Lock()  # what is counted and timed belongs to one request
        self._app = Starlette(routes=[Route("/links", self._links)])

    async def get(self, headers: Headers) -> Answered:
        """Ask for Ann's links with ``headers``."""
        async with self._one_at_a_time:
            before, self._spent = replace(self._server.count), 0.0
            answer = await exchange(self._app, f"app-{self.number}.example", "GET", "/links", headers)
            answered = _answered(answer, before, self._server.count, self._spent)
        self.requests += 1
        self.operations += answered.operations
        self.status = answer.status
        return answered

    @property
    def besides(self) -> int:
        """What it asked of the store for no request: when it was started, or to be ready for one."""
        return self._server.count.operations - self.operations

    async def close(self) -> None:
        """Give back what it holds."""
        await self._server.close()

    async def _links(self, request: Request) -> Response:
        presented = request.headers.get(self._header)
        if presented is None:
            return _refused("nothing was presented")
        began = time.perf_counter_ns()
        try:
            caller = await self._server.verify((self._header, presented))
        except Refused:
            return _refused("sign in again")
        except Unavailable:
            return JSONResponse({"error": "try again"}, UNAVAILABLE, {"Retry-After": "1"})
        finally:
            self._spent = time.perf_counter_ns() - began
        return JSONResponse({"links of": caller.subject, "roles": sorted(caller.roles)})


class SignInServer:
    """Where Ann signs in, refreshes and signs out, and where an administrator disables her."""

    def __init__(self, about: About, issuer: Issuer, lifetime: float) -> None:
        self._carrier = about.carrier
        self._issuer = issuer
        self._lifetime = lifetime
        self._held: Held | None = None
        self._active = True
        self._spent = 0.0
        self._one_at_a_time = asyncio.Lock()  # what is counted and timed belongs to one request
        acts = {"/sign-in": self._sign_in, "/refresh": self._refresh, "/sign-out": self._sign_out}
        routes = [Route(path, act, methods=["POST"]) for path, act in acts.items()]
        self._app = Starlette(routes=[*routes, Route("/people/ann/disable", self._disable, methods=["POST"])])

    async def post(self, path: str, headers: Headers = (), body: str = "") -> Answered:
        """Send it something."""
        kind: Headers = (("content-type", "application/json"),) if body else ()
        async with self._one_at_a_time:
            before, self._spent = replace(self._issuer.count), 0.0
            answer = await exchange(self._app, "sign-in.example", "POST", path, (*kind, *headers), body)
            return _answered(answer, before, self._issuer.count, self._spent)

    async def close(self) -> None:
        """Give back what it holds."""
        await self._issuer.close()

    async def _sign_in(self, _: Request) -> Response:
        if not self._active:
            return JSONResponse({"error": "this account is disabled"}, FORBIDDEN)
        with self._timed():
            held = await self._issuer.sign_in(ANN)
        return self._handed_out(held)

    async def _refresh(self, request: Request) -> Response:
        token = (await request.json())["refresh_token"]
        if self._held is None or self._held.refresh != token:
            return _refused("sign in again")
        try:
            with self._timed():
                held = await self._issuer.refresh(self._held)
        except Refused:
            return _refused("sign in again")
        return self._handed_out(held)

    async def _sign_out(self, request: Request) -> Response:
        if self._held is not None and request.headers.get(_NAMES[self._carrier]) == self._held.header[1]:
            await self._end("sign out")
        cleared = f"{self._name}=; Max-Age=0; {_HTTP_ONLY}"
        return Response(status_code=NO_CONTENT, headers={"Set-Cookie": cleared} if self._carrier == "cookie" else {})

    async def _disable(self, _: Request) -> Response:
        self._active = False
        await self._end("disable")
        return Response(status_code=NO_CONTENT)

    async def _end(self, how: Ending) -> None:
        if self._held is not None:
            with self._timed():
                await self._issuer.end(how, self._held)

    @contextmanager
    def _timed(self) -> Generator[None]:
        began = time.perf_counter_ns()
        try:
            yield
        finally:
            self._spent += time.perf_counter_ns() - began

    @property
    def _name(self) -> str:
        """The name of the cookie."""
        return self._held.header[1].partition("=")[0] if self._held else ""

    def _handed_out(self, held: Held) -> Response:
        self._held = held
        if self._carrier == "cookie":
            return Response(status_code=NO_CONTENT, headers={"Set-Cookie": f"{held.header[1]}; {_HTTP_ONLY}"})
        body = {"access_token": held.header[1].removeprefix("Bearer "), "expires_in": round(self._lifetime)}
        return JSONResponse(body | ({"refresh_token": held.refresh} if held.refresh else {}))


def _answered(answer: Exchange, before: Count, after: Count, spent: float) -> Answered:
    """``answer``, with what was counted meanwhile, and nanoseconds that were ``spent``."""
    operations, round_trips = after.operations - before.operations, after.round_trips - before.round_trips
    return Answered(answer, operations, round_trips, round(spent / 1_000, 1))


def credentials() -> str:
    """What Ann types; that her password is right is no part of what is shown."""
    return json.dumps({"name": ANN, "password": "…"}, ensure_ascii=False)


def _refused(why: str) -> Response:
    return JSONResponse({"error": why}, UNAUTHORIZED, {"WWW-Authenticate": "Bearer"})
