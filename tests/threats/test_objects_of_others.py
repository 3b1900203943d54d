"""Somebody names an object of somebody else and sees, changes or ends it (OPS-05, KEY-02): every route that names one.

The routes are taken from the description of the application. One that names an object which is not known here fails,
so that whoever adds it says how such an object comes to be.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest

from admit.web import application
from doors import ANN, BOB, ISSUER, Door, authority, bearer, door

ABSENT = "qP7-9dYxaZaTO9pr3Ny096"
READER = "links:read"

BODIES: dict[str, dict[str, Any]] = {"rotate": {"overlap": 0}}
"""What a route takes, by the end of its path."""


async def session_of(here: Door, owner: httpx.AsyncClient) -> str:
    """Another session of the owner."""
    other = await here.signed_in()
    found: str = (await other.get("/api/me")).json()["session"]
    assert found in {one["id"] for one in (await owner.get("/api/sessions")).json()["sessions"]}
    return found


async def key_of(here: Door, owner: httpx.AsyncClient) -> str:
    """An API key of the owner."""
    del here
    answer = await owner.post("/api/keys", json={"name": "backup"})
    assert answer.status_code == 201, answer.text
    found: str = answer.json()["id"]
    return found


OBJECTS: dict[str, Callable[[Door, httpx.AsyncClient], Awaitable[str]]] = {
    "/api/sessions/{id}": session_of,
    "/api/keys/{id}": key_of,
}


async def nobody(here: Door) -> httpx.AsyncClient:
    return here.browser()


async def other_by_cookie(here: Door) -> httpx.AsyncClient:
    return await here.signed_in(BOB)


async def other_by_token(here: Door) -> httpx.AsyncClient:
    return here.browser(**bearer(await here.tokens(BOB)))


async def other_by_narrow_token(here: Door) -> httpx.AsyncClient:
    return here.browser(**bearer(await here.tokens(BOB, scope=READER)))


async def other_who_rules(here: Door) -> httpx.AsyncClient:
    """Somebody else with a higher role, who has no more to do with other people's credentials."""
    browser = await here.signed_in(BOB)
    bob = (await browser.get("/api/me")).json()["subject"]
    await here.auth.subjects.change(bob, lambda held: held.with_roles(("user", "admin")))
    return browser


async def other_by_key(here: Door) -> httpx.AsyncClient:
    made = await (await here.signed_in(BOB)).post("/api/keys", json={"name": "of Bob"})
    return here.browser(Authorization=f"Bearer {made.json()['key']}")


async def own_key(here: Door) -> httpx.AsyncClient:
    """The owner's own API key, which manages no credentials."""
    made = await (await here.signed_in()).post("/api/keys", json={"name": "of Ann"})
    return here.browser(Authorization=f"Bearer {made.json()['key']}")


async def own_narrow_token(here: Door) -> httpx.AsyncClient:
    """A token of the owner that is for less than she may."""
    return here.browser(**bearer(await here.tokens(scope=READER)))


OTHERS = [nobody, other_by_cookie, other_by_token, other_by_narrow_token, other_who_rules, other_by_key]
MAYBE_OWNERS = [own_key, own_narrow_token]


def routes() -> list[tuple[str, str]]:
    """Every operation of the description whose path names an object."""
    auth = authority()
    try:
        paths: dict[str, dict[str, Any]] = application(auth).openapi()["paths"]
    finally:
        auth.sync.close()
    return [(method.upper(), path) for path, operations in paths.items() if "{" in path for method in operations]


ROUTES = routes()


def kind_of(path: str) -> str:
    """What names the object: the path up to its parameter."""
    return path[: path.index("}") + 1]


@pytest.fixture
async def here() -> AsyncIterator[Door]:
    async with door(authority(scopes={"user": "links:read links:write", "admin": "users:write"}), ANN, BOB) as found:
        yield found


async def state(owner: httpx.AsyncClient) -> tuple[Any, Any]:
    """All that the owner has, as far as others could change it."""
    sessions = (await owner.get("/api/sessions")).json()["sessions"]
    return [one["id"] for one in sessions], (await owner.get("/api/keys")).json()


async def asked(who: httpx.AsyncClient, method: str, path: str, id: str) -> httpx.Response:
    return await who.request(method, path.replace("{id}", id), json=BODIES.get(path.rpartition("/")[2]))


def test_every_object_that_a_route_names_is_tried() -> None:
    assert {kind_of(path) for _, path in ROUTES} == OBJECTS.keys()
    assert ROUTES, f"{ISSUER} describes no such route"


@pytest.mark.parametrize("somebody", [*OTHERS, *MAYBE_OWNERS], ids=lambda found: found.__name__)
@pytest.mark.parametrize("method, path", ROUTES)
async def test_nobody_else_sees_changes_or_ends_it(
    here: Door, method: str, path: str, somebody: Callable[[Door], Awaitable[httpx.AsyncClient]]
) -> None:
    owner = await here.signed_in()
    id = await OBJECTS[kind_of(path)](here, owner)
    who = await somebody(here)
    before = await state(owner)
    answer = await asked(who, method, path, id)
    assert answer.status_code in {401, 403, 404}, answer.text
    assert id not in answer.text
    absent = await asked(who, method, path, ABSENT)
    assert (answer.status_code, answer.content) == (absent.status_code, absent.content), "it tells that there is one"
    assert await state(owner) == before


@pytest.mark.parametrize("method, path", ROUTES)
async def test_its_owner_may(here: Door, method: str, path: str) -> None:
    owner = await here.signed_in()
    id = await OBJECTS[kind_of(path)](here, owner)
    assert (await asked(owner, method, path, id)).is_success
