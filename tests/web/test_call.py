"""Routes that are called by a shorter way than FastAPI's give the answers that FastAPI would have given."""
# No "from __future__ import annotations": what a route asks for is made where the route is.

from collections.abc import AsyncIterator
from dataclasses import fields, make_dataclass, replace
from typing import Annotated, Any

import httpx
import pytest
from fastapi import APIRouter, BackgroundTasks, Body, Cookie, Depends, Header, Request
from fastapi.dependencies.models import Dependant

from admit.unsafe import NO_THROTTLE
from admit.web import application
from admit.web.call import calls
from doors import ANN, ISSUER, ROUTES, authority

BODIES = (
    b"",
    b"null",
    b"[]",
    b"{}",
    b"{",
    b"\xff",
    b"[" * 60_000,
    b'{"email": "ann@example.com", "password": "a password of some length"}',
    b'{"email": ["ann@example.com"], "password": true}',
    b'{"email": "ann@example.com", "password": "wrong, but long", "role": "admin"}',
    b'{"refresh_token": "\\ud800", "refresh": "nowhere"}',
    b'{"current_password": "not this one", "new_password": "another one, not shorter"}',
)


@pytest.mark.parametrize("signed_in", [False, True], ids=["nobody", "signed in"])
async def test_every_route_answers_as_if_fastapi_had_called_it(signed_in: bool) -> None:
    told: list[list[tuple[object, ...]]] = []
    for direct in (True, False):
        async with authority(throttle=NO_THROTTLE) as auth:
            app = application(auth)
            if not direct:
                for one in app.user_middleware:
                    one.kwargs.pop("calls", None)
            await auth.accounts.create(ANN["email"], ANN["password"])
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=ISSUER) as client:
                told.append([await _answer(client, *one, signed_in=signed_in) for one in _questions()])
    assert told[0] == told[1]


async def test_nearly_all_routes_are_called_so() -> None:
    async with authority() as auth:
        app = application(auth)
        called: Any
        [called] = [one.kwargs["calls"] for one in app.user_middleware if "calls" in one.kwargs]
        more = {"/api/activity"}  # what its query may say
        assert {path for _, path, *_ in ROUTES if "qP7-" not in path} - more <= {path for path, _ in called}


def test_a_route_that_asks_for_more_is_left_to_fastapi() -> None:
    router = APIRouter()

    async def by_query(page: int) -> int:
        return page

    async def by_header(accept: Annotated[str, Header()]) -> str:
        return accept

    async def by_cookie(name: Annotated[str, Cookie()]) -> str:
        return name

    async def by_two(one: Annotated[int, Body()], other: Annotated[int, Body()]) -> int:
        return one + other

    async def embedded(one: Annotated[int, Body(embed=True)]) -> int:
        return one

    async def later(tasks: BackgroundTasks) -> None:
        tasks.add_task(print)

    def blocking(request: Request) -> str:
        return request.method

    async def lent() -> AsyncIterator[int]:
        yield 1

    async def by_dependency(found: Annotated[int, Depends(by_query)]) -> int:
        return found

    async def by_loan(found: Annotated[int, Depends(lent)]) -> int:
        return found

    more: list[Any] = [by_query, by_header, by_cookie, by_two, embedded, later, blocking, by_dependency, by_loan]
    for number, route in enumerate(more):
        router.post(f"/{number}")(route)
    router.post("/{name}")(embedded)
    assert not calls([("", router)])
    router.post("/", status_code=201)(_plain)
    assert [path for path, _ in calls([("/below", router)])] == ["/below/"]


def test_a_route_of_which_fastapi_says_what_is_not_read_here_is_left_to_it() -> None:
    router = APIRouter()
    router.post("/")(_plain)
    [(_, call)] = calls([("", router)])
    told: dict[str, Any] = {one.name: getattr(call.route.dependant, one.name) for one in fields(Dependant)}
    later: Any = make_dataclass("Later", [("more", bool, False)], bases=(Dependant,))
    earlier: Any = make_dataclass("Earlier", [name for name in told if name != "response_param_name"])
    said = {
        "as today": Dependant(**told),
        "a new thing, which nobody asked for": later(**told),
        "a new thing": later(**told, more=True),
        "asked anew each time": replace(Dependant(**told), use_cache=False),
        "under another name": earlier(**{name: value for name, value in told.items() if name != "response_param_name"}),
    }
    called = set[str]()
    for name, dependant in said.items():
        call.route.dependant = dependant
        called |= {name for _ in calls([("", router)])}
    assert called == {"as today", "a new thing, which nobody asked for"}


async def _plain(request: Request) -> None:
    """What can be called."""
    del request


def _questions() -> list[tuple[str, str, bytes]]:
    asked = [
        (method, path, body)
        for method, path, *_ in ROUTES
        for body in (BODIES if path.startswith("/api") and method == "POST" else BODIES[:1])
    ]
    return asked + [(method, path, b"") for _, path, *_ in ROUTES for method in ("HEAD", "PUT")]


async def _answer(
    client: httpx.AsyncClient, method: str, path: str, body: bytes, *, signed_in: bool
) -> tuple[object, ...]:
    """What can be compared of an answer: nothing that chance or the clock has made."""
    client.cookies.clear()
    if signed_in:
        assert (await client.post("/api/sign-in", json=ANN)).status_code == 200
    headers = {"Content-Type": "application/json"} if body else {}
    answer = await client.request(method, path, content=body, headers=headers)
    told = answer.json() if answer.content and answer.headers["content-type"].endswith("json") else None
    if answer.status_code < 400 and isinstance(told, dict):
        told = sorted(told)
    names = {name for name in answer.headers if (name, answer.status_code) != ("content-type", 204)}
    return method, path, body[:20], answer.status_code, told, names
