"""Each guard takes a verifier as its door, and answers as it does for an authority: no and "not now" are two things."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from admit import Verifier
from admit.core.presented import DOORS
from admit.verifier import RouteDoor
from guards.applications import GUARDS, Made, by_token, client
from nearby import Nearby, nearby, until

guards = pytest.mark.parametrize("made", GUARDS)
NAVIGATING = {"Sec-Fetch-Mode": "navigate"}


@dataclass
class Afar:
    """What the small applications need of a world: a door."""

    auth: Verifier | RouteDoor


@pytest.fixture(scope="module")
def here() -> Iterator[Nearby]:
    with nearby() as found:
        yield found


@asynccontextmanager
async def guarded(
    here: Nearby, made: Made, settings: dict[str, Any] | None = None, **asked: Any
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the small application, guarded by a verifier."""
    with here.verifier(**settings or {}) as verifier:
        world: Any = Afar(verifier)
        async with client(made(world, **asked)) as http:
            yield http


@guards
async def test_a_token_of_the_authority_opens_the_door_until_its_session_ends(here: Nearby, made: Made) -> None:
    token, other = here.token(), here.token()
    async with guarded(here, made) as http:
        for _ in range(2):
            assert (await http.get("/links", headers=by_token(token))).status_code == 200
        here.sign_out(token)

        async def refused() -> bool:
            answer = await http.get("/links", headers=by_token(token))
            return (answer.status_code, answer.json().get("code")) == (401, "bad_credential")

        await until(refused)
        assert (await http.get("/links", headers=by_token(other))).status_code == 200


@guards
async def test_a_cookie_is_no_credential_where_nobody_can_look_it_up(here: Nearby, made: Made) -> None:
    async with guarded(here, made) as http:
        for name in ("admit-insecure", "__Host-admit"):
            answer = await http.get("/links", headers={"Cookie": f"{name}=adm_s_{'0' * 22}.1.{'s' * 43}"})
            assert (answer.status_code, answer.json()["code"]) == (401, "no_credential")
        token = by_token(here.token())
        assert (await http.post("/links", headers=token | {"Cookie": "admit-insecure=x"})).status_code == 200


@guards
async def test_a_cookie_of_the_authority_opens_the_door_where_it_is_asked_about(here: Nearby, made: Made) -> None:
    cookie, other = here.cookie(), here.cookie()
    foreign = cookie | {"Origin": "https://evil.example.com"}
    async with guarded(here, made, {"accept": DOORS}) as http:
        for _ in range(2):
            assert (await http.get("/links", headers=cookie)).status_code == 200
            assert (await http.post("/links", headers=cookie | {"Sec-Fetch-Site": "same-origin"})).status_code == 200
            assert (await http.post("/links", headers=foreign)).json()["code"] == "cross_origin"
        assert (await http.get("/links", headers=other)).status_code == 200
        here.leave(cookie)

        async def refused() -> bool:
            answer = await http.get("/links", headers=cookie)
            return (answer.status_code, answer.json().get("code")) == (401, "bad_credential")

        await until(refused)
        assert (await http.get("/links", headers=other)).status_code == 200


@guards
async def test_what_a_route_asks_is_asked_of_tokens_from_elsewhere_too(here: Nearby, made: Made) -> None:
    async with guarded(here, made, scopes=["users:write"]) as http:
        answer = await http.get("/links", headers=by_token(here.token()))
        assert (answer.status_code, answer.json()["code"]) == (403, "not_enough")
    async with guarded(here, made, scopes=["links:write"], within=3_000) as http:
        assert (await http.get("/links", headers=by_token(here.token()))).status_code == 200


@guards
async def test_an_authority_that_is_silent_is_no_reason_to_throw_a_token_away(made: Made) -> None:
    with nearby() as here:
        token = by_token(here.token())
        async with guarded(here, made, {"max_staleness": 0.3}) as http:
            assert (await http.get("/links", headers=token)).status_code == 200
            here.fall_silent()

            async def closed() -> bool:
                return (await http.get("/links", headers=token)).status_code != 200

            await until(closed)
            for more in ({}, NAVIGATING):
                answer = await http.get("/links", headers=token | more)
                assert (answer.status_code, answer.json()["code"]) == (503, "stale")
                assert answer.headers["retry-after"] == "1"
                assert answer.headers["cache-control"] == "no-store"
            assert (await http.get("/links")).status_code == 401  # who shows nothing is told so, whatever is known


@guards
async def test_a_route_that_asks_for_more_closes_while_the_others_are_open(made: Made) -> None:
    with nearby(max_staleness=60) as here:
        token, verifier = by_token(here.token()), here.verifier(max_staleness=60)
        strict: Any = Afar(verifier.within(0.3, outage="closed"))
        others: Any = Afar(verifier)
        async with client(made(strict)) as payments, client(made(others)) as links:

            async def answers() -> list[int]:
                return [(await http.get("/links", headers=token)).status_code for http in (payments, links)]

            async def open_to_both() -> bool:
                return await answers() == [200, 200]

            async def closed() -> bool:
                return await answers() == [503, 200]

            await until(open_to_both)
            here.fall_silent()
            await until(closed)
        verifier.close()
