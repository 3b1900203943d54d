"""Asking about a token, and giving one back: both by form, as other languages do."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from doors import ISSUER, Door, asked, door, service

ELSEWHERE = "https://api.example.com"


@pytest.fixture
async def here() -> AsyncIterator[Door]:
    async with door() as found:
        yield found


async def test_a_good_token_is_active_and_says_whose_it_is(here: Door) -> None:
    token = (await here.tokens(scope="links:read"))["access_token"]
    me = (await here.browser(Authorization=f"Bearer {token}").get("/api/me")).json()
    answer = await asked(here, token)
    assert answer.headers["cache-control"] == "no-store"
    found = answer.json()
    assert found["active"] is True
    assert (found["sub"], found["sid"], found["scope"]) == (me["subject"], me["session"], "links:read")
    assert (found["iss"], found["aud"], found["token_type"], found["roles"]) == (ISSUER, ISSUER, "Bearer", ["user"])


async def test_a_store_that_is_down_is_no_answer(here: Door) -> None:
    tokens, asking = await here.tokens(), await service(here)
    here.auth._gate.fence("the database was replaced")
    for answer in (
        await here.browser().post("/revoke", data={"token": tokens["access_token"]}),
        await asking.post("/introspect", data={"token": tokens["access_token"]}),
    ):
        assert answer.status_code == 503
