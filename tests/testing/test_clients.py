"""Test clients of every framework are signed in with one line, and what the application says to them counts from then on."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.http import HttpRequest, JsonResponse
from django.test import AsyncClient, Client, override_settings
from django.urls import path
from fastapi import Depends, FastAPI, Response
from flask import Flask, g
from litestar import Litestar, get
from litestar.di import NamedDependency
from litestar.testing import TestClient as LitestarClient
from starlette.testclient import TestClient

from admit import Authority, Principal, testing
from admit.guards import django, fastapi, flask, litestar
from admit.testing import FakeClock, StoreContract, bearer, signed_in
from guards.applications import client as of_httpx
from guards.djangos import MIDDLEWARE
from worlds import authority

DAY = 24 * 60 * 60.0


@pytest.fixture
def auth() -> Iterator[Authority]:
    made = authority("memory://", FakeClock())
    yield made
    made.sync.close()


def by_fastapi(auth: Authority) -> FastAPI:
    app = FastAPI()
    fastapi.install(app, auth)
    known: Any = Depends(fastapi.required(auth, "links:read"))

    @app.get("/links")
    async def links(who: Principal = known) -> dict[str, str]:
        return {"who": who.subject}

    @app.post("/step-up")
    async def step_up(answer: Response, who: Principal = known) -> None:
        session = await auth.sessions.get(who.session or "")
        assert session is not None
        proof = (await auth.subjects.before(who.subject)).proven("pwd")
        answer.headers["set-cookie"] = (await auth.sessions.step_up(session, proof)).cookie or ""

    return app


def by_flask(auth: Authority) -> Flask:
    app = Flask("links")
    flask.install(app, auth)

    @app.get("/links")
    @flask.required(auth, "links:read")
    def links() -> dict[str, str]:
        return {"who": g.principal.subject}

    return app


def by_litestar(auth: Authority) -> Litestar:
    @get("/links", guards=[litestar.required(auth, "links:read")])
    async def links(principal: NamedDependency[Principal]) -> dict[str, str]:
        return {"who": principal.subject}

    return Litestar([links], plugins=[litestar.AdmitPlugin(auth)], logging_config=None)


def links(request: HttpRequest) -> JsonResponse:
    who: Principal = request.principal  # type: ignore[attr-defined]  # Django's way to hand things on
    return JsonResponse({"who": who.subject})


def of_django(auth: Authority) -> Any:
    """The settings of a site whose only view asks for a scope."""
    urls = (path("links", django.required(auth, "links:read")(links)),)
    return override_settings(ADMIT_DOOR=auth, ALLOWED_HOSTS=["testserver"], MIDDLEWARE=MIDDLEWARE, ROOT_URLCONF=urls)


def status(client: Any, headers: dict[str, str] | None = None) -> int:
    answer = client.get("/links", headers=headers or {})
    if answer.status_code == 200:
        found = answer.json if isinstance(answer.json, dict) else answer.json()
        assert found == {"who": "ann"}
    return int(answer.status_code)


OfDjango: Any = Client  # whose types are silent
AsyncOfDjango: Any = AsyncClient
CLIENTS: dict[str, Callable[[Authority], Any]] = {
    "fastapi": lambda auth: TestClient(by_fastapi(auth)),
    "fastapi elsewhere": lambda auth: TestClient(by_fastapi(auth), base_url="http://app.example.com"),
    "litestar": lambda auth: LitestarClient(by_litestar(auth)),
    "flask": lambda auth: by_flask(auth).test_client(),
    "django": lambda auth: OfDjango(),
}


@pytest.mark.parametrize("kind", CLIENTS)
def test_a_client_is_signed_in_with_one_line_until_that_is_over(auth: Authority, kind: str) -> None:
    with of_django(auth):
        client = CLIENTS[kind](auth)
        assert status(client) == 401
        assert signed_in(client, auth, "ann") is client
        assert status(client) == 403
        signed_in(client, auth, "ann", roles=["user"])
        assert status(client) == 200
        assert status(CLIENTS[kind](auth), bearer(auth, "ann")) == 200
        assert status(CLIENTS[kind](auth), bearer(auth, "ann", scope="links:write")) == 403
        clock: Any = auth.clock
        clock.advance(400 * DAY)
        assert status(client) == 401


async def test_clients_that_wait_are_signed_in_from_a_thread(auth: Authority) -> None:
    async with of_httpx(by_fastapi(auth)) as http:
        await asyncio.to_thread(signed_in, http, auth, "ann", roles=["user"])
        assert (await http.get("/links")).json() == {"who": "ann"}
    with of_django(auth):
        visitor = await asyncio.to_thread(signed_in, AsyncOfDjango(), auth, "ann")
        assert (await visitor.get("/links")).json() == {"who": "ann"}


@pytest.mark.parametrize("base", ["https://testserver", "https://app.example.com"])
def test_the_cookie_that_the_application_sets_takes_the_place_of_ours(auth: Authority, base: str) -> None:
    client = signed_in(TestClient(by_fastapi(auth), base_url=base), auth, "ann", roles=["user"])
    assert client.post("/step-up").status_code == 200
    assert status(client) == 200
    assert len(client.cookies) == 1


def test_how_somebody_signed_in_and_whom_a_token_is_for_can_be_said(auth: Authority) -> None:
    client = signed_in(TestClient(by_fastapi(auth)), auth, "ann", methods=("pwd", "otp"))
    assert status(client) == 403
    assert auth.verify(client.cookies["__Host-admit"], "session").methods == ("pwd", "otp")
    token = bearer(auth, "ann", roles=["user"], audience="https://elsewhere.example.com")
    assert status(TestClient(by_fastapi(auth)), token) == 401


def test_who_only_wants_clients_needs_no_pytest() -> None:
    code = "import sys, admit.testing; print('pytest' in sys.modules, admit.testing.StoreContract.__name__)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout
    assert said.split() == ["False", StoreContract.__name__]
    with pytest.raises(AttributeError):
        getattr(testing, "Nothing")  # noqa: B009 - the types know that it is not there
