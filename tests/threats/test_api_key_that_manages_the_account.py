"""Whoever finds an API key makes others, changes the password, ends devices: he keeps what the key was (KEY-04, MFA-04).

A key is taken in the two headers that are documented and nowhere else, and by no route that manages credentials,
whatever its scope. It is no sign-in, however young.
"""

from __future__ import annotations

import httpx
import pytest

from admit.core.requirement import Requirement
from admit.errors import NotEnough
from doors import ANN, COOKIE, GUARDED, NEW_PASSWORD, Door


@pytest.fixture
async def key(here: Door) -> str:
    browser = await here.signed_in()
    text: str = (await browser.post("/api/keys", json={"name": "backup"})).json()["key"]
    return text


def holders(here: Door, key: str) -> list[httpx.AsyncClient]:
    return [here.browser(Authorization=f"Bearer {key}"), here.browser(**{"X-API-Key": key})]


@pytest.mark.parametrize("method, path, body", [one for one in GUARDED if one[1] != "/api/me"])
async def test_no_route_that_manages_credentials_takes_a_key(
    here: Door, key: str, method: str, path: str, body: object
) -> None:
    for holder in holders(here, key):
        assert (await holder.get("/api/me")).status_code == 200
        assert (await holder.request(method, path, json=body)).status_code == 401
    assert (await here.browser().post("/api/sign-in", json=ANN)).status_code == 200
    assert (await here.browser().post("/api/sign-in", json=ANN | {"password": NEW_PASSWORD})).status_code == 401


@pytest.mark.parametrize("path", ["/account", "/account/password", "/confirm"])
async def test_no_page_opens_to_a_key(here: Door, key: str, path: str) -> None:
    for holder in holders(here, key):
        answer = await holder.get(path, headers={"Accept": "text/html"})
        assert answer.status_code != 200


@pytest.mark.parametrize("where", ["query", "cookie", "body", "header", "basic", "refresh"])
async def test_it_is_taken_in_no_other_place(here: Door, key: str, where: str) -> None:
    browser = here.browser()
    match where:
        case "query":
            names = ("api_key", "apikey", "access_token", "key", "x-api-key", "token")
            answer = await browser.get("/api/me", params=dict.fromkeys(names, key))
        case "cookie":
            answer = await browser.get("/api/me", headers={"Cookie": f"{COOKIE}={key}"})
        case "body":
            answer = await browser.request("GET", "/api/me", json={"api_key": key, "access_token": key})
        case "header":
            answer = await browser.get("/api/me", headers={"Api-Key": key, "X-Auth-Token": key, "Apikey": key})
        case "basic":
            answer = await browser.get("/api/me", auth=(key, ""))
        case _:
            answer = await browser.post("/api/refresh", json={"refresh_token": key})
    assert answer.status_code in {401, 404, 405}
    assert key not in answer.text


async def test_a_key_is_no_sign_in_and_no_owner(here: Door, key: str) -> None:
    [holder, _] = holders(here, key)
    me = (await holder.get("/api/me")).json()
    assert (me["session"], me["authenticated_at"], me["methods"]) == (None, 0, [])
    who = here.auth.verify(key, "api_key")
    with pytest.raises(NotEnough):
        Requirement.of(within=10**10).judge(who, here.auth.clock.now())
    with pytest.raises(NotEnough):
        await here.auth.sessions.refuse_narrowed(who)
