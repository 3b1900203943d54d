"""Asking about a token, and giving one back: both by form, as other languages do."""

from __future__ import annotations

from typing import Any

import pytest

from admit.api_keys import Created
from admit.core.throttle import Limit
from doors import ANN, ISSUER, Door, asked, service

ELSEWHERE = "https://api.example.com"


async def test_a_good_token_is_active_and_says_whose_it_is(here: Door) -> None:
    token = (await here.tokens(scope="links:read"))["access_token"]
    me = (await here.browser(Authorization=f"Bearer {token}").get("/api/me")).json()
    answer = await asked(here, token)
    assert answer.headers["cache-control"] == "no-store"
    found = answer.json()
    assert found["active"] is True
    assert (found["sub"], found["sid"], found["scope"]) == (me["subject"], me["session"], "links:read")
    assert (found["iss"], found["aud"], found["token_type"], found["roles"]) == (ISSUER, ISSUER, "Bearer", [])


async def test_a_store_that_is_down_is_no_answer(here: Door) -> None:
    tokens, asking = await here.tokens(), await service(here)
    here.auth._gate.fence("the database was replaced")
    for answer in (
        await here.browser().post("/revoke", data={"token": tokens["access_token"]}),
        await asking.post("/introspect", data={"token": tokens["access_token"]}),
    ):
        assert answer.status_code == 503


@pytest.mark.parametrize("path", ["/introspect", "/revoke"])
@pytest.mark.parametrize("form", [{}, {"token": ""}, {"token_type_hint": "access_token"}], ids=str)
async def test_a_form_without_a_token_is_refused(here: Door, path: str, form: dict[str, str]) -> None:
    asking = await service(here) if path == "/introspect" else here.browser()
    answer = await asking.post(path, data=form)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_form")
    assert "token" in answer.json()["detail"]


async def test_what_clients_of_others_send_along_is_passed_over(here: Door) -> None:
    tokens = await here.tokens()
    form = {"token": tokens["access_token"], "client_id": "web", "client_secret": "", "token_type_hint": "access_token"}
    assert (await (await service(here)).post("/introspect", data=form)).json()["active"]
    twice = "token=x&token=y"
    sent = await here.browser().post(
        "/revoke", content=twice, headers={"content-type": "application/x-www-form-urlencoded"}
    )
    assert sent.status_code == 400


async def made(here: Door, **asked_for: Any) -> Created:
    account = await here.auth.accounts.by_email(ANN["email"])
    assert account is not None
    return await here.auth.api_keys.create(await here.auth.subjects.before(account.id), "backup", **asked_for)


async def test_a_service_of_the_same_audience_may_ask_about_an_api_key(here: Door) -> None:
    key = await made(here, scope="links:read")
    found = (await asked(here, key.text)).json()
    assert (found["active"], found["api_key"], found["scope"]) == (True, key.key.id, "links:read")
    assert found.keys().isdisjoint({"token_type", "sid", "networks", "limit", "auth_time"})
    assert 0 < found["usable_for"] <= 300
    [kept] = await here.auth.api_keys.of(key.key.owner)
    assert kept.used_at > 0
    assert (await asked(here, key.text, ELSEWHERE)).json() == {"active": False}
    await here.auth.api_keys.revoke(key.key)
    assert (await asked(here, key.text)).json() == {"active": False}


async def test_of_a_key_with_conditions_only_who_heeds_them_is_told(here: Door) -> None:
    key = await made(here, networks=["192.0.2.0/24"], limit=Limit(90, 60.0))
    asking = await service(here)
    assert (await asking.post("/introspect", data={"token": key.text})).json() == {"active": False}
    heeds = {"token": key.text, "conditions": "heeded"}
    found = (await asking.post("/introspect", data=heeds)).json()
    assert found["networks"] == ["192.0.2.0/24"]
    assert found["limit"] == {"hits": 90, "window": 60.0}
    for name in ("a", "b", "c"):
        await asking.get("/revocations", params={"follower": name})
    found = (await asking.post("/introspect", data=heeds)).json()
    assert found["limit"] == {"hits": 30, "window": 60.0}
