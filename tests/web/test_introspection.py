"""Asking about a token, and giving one back: both by form, as other languages do."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from admit import Authority
from admit.errors import Revoked
from doors import ISSUER, Door, authority, bearer, door, is_problem

ELSEWHERE = "https://api.example.com"


@pytest.fixture
async def here() -> AsyncIterator[Door]:
    async with door() as found:
        yield found


async def service(here: Door, audience: str = ISSUER) -> httpx.AsyncClient:
    return here.browser(Authorization=f"Bearer {await here.auth.verifiers.create('links', audience)}")


async def asked(here: Door, token: str, audience: str = ISSUER) -> httpx.Response:
    return await (await service(here, audience)).post("/introspect", data={"token": token})


async def test_a_good_token_is_active_and_says_whose_it_is(here: Door) -> None:
    token = (await here.tokens(scope="links:read"))["access_token"]
    me = (await here.browser(Authorization=f"Bearer {token}").get("/api/me")).json()
    answer = await asked(here, token)
    assert answer.headers["cache-control"] == "no-store"
    found = answer.json()
    assert found["active"] is True
    assert (found["sub"], found["sid"], found["scope"]) == (me["subject"], me["session"], "links:read")
    assert (found["iss"], found["aud"], found["token_type"], found["roles"]) == (ISSUER, ISSUER, "Bearer", ["user"])


async def test_of_a_token_that_is_not_good_nothing_is_said_but_that(here: Door) -> None:
    tokens = await here.tokens()
    other = await here.tokens()
    assert (await here.browser().post("/revoke", data={"token": other["refresh_token"]})).status_code == 200
    for token in ("", "x", tokens["refresh_token"], tokens["access_token"][:-2], other["access_token"], "adm_s_x"):
        answer = await asked(here, token)
        assert (answer.status_code, answer.json()) == (200, {"active": False}), token


async def test_a_service_may_ask_about_its_own_audience_only(here: Door) -> None:
    tokens = await here.tokens()
    session = (await here.browser(**bearer(tokens)).get("/api/me")).json()["session"]
    found = await here.auth.sessions.get(session)
    assert found is not None
    theirs = await here.auth.tokens.access(found, audience=ELSEWHERE)
    assert (await asked(here, theirs)).json() == {"active": False}
    assert (await asked(here, theirs, ELSEWHERE)).json()["active"]
    assert (await asked(here, tokens["access_token"], ELSEWHERE)).json() == {"active": False}


async def test_who_has_no_verifier_key_learns_nothing(here: Door) -> None:
    tokens = await here.tokens()
    for browser in (here.browser(), here.browser(**bearer(tokens)), await here.signed_in()):
        answer = await browser.post("/introspect", data={"token": tokens["access_token"]})
        assert (answer.status_code, is_problem(answer)) == (401, True)


async def test_an_access_token_that_is_given_back_is_over_and_its_session_lives(here: Door) -> None:
    tokens = await here.tokens()
    answer = await here.browser().post("/revoke", data={"token": tokens["access_token"], "token_type_hint": "x"})
    assert (answer.status_code, answer.content) == (200, b"")
    assert (await here.browser(**bearer(tokens)).get("/api/me")).status_code == 401
    again = await here.browser().post("/api/refresh", json={"refresh_token": tokens["refresh_token"]})
    assert (await here.browser(**bearer(again.json())).get("/api/me")).status_code == 200


async def test_a_token_for_somebody_else_can_be_given_back_too(here: Door) -> None:
    tokens = await here.tokens()
    found = await here.auth.sessions.get((await here.browser(**bearer(tokens)).get("/api/me")).json()["session"])
    assert found is not None
    theirs = await here.auth.tokens.access(found, audience=ELSEWHERE)
    await here.browser().post("/revoke", data={"token": theirs})
    assert (await asked(here, theirs, ELSEWHERE)).json() == {"active": False}


async def test_a_refresh_token_that_is_given_back_ends_its_session(here: Door) -> None:
    tokens = await here.tokens()
    assert (await here.browser().post("/revoke", data={"token": tokens["refresh_token"]})).status_code == 200
    assert (await here.browser(**bearer(tokens)).get("/api/me")).status_code == 401
    assert (
        await here.browser().post("/api/refresh", json={"refresh_token": tokens["refresh_token"]})
    ).status_code == 401


@pytest.mark.parametrize("token", ["", "x", "adm_r_x", "adm_s_x", "é" * 9, "a.b.c"])
async def test_the_answer_is_the_same_for_what_was_never_good(here: Door, token: str) -> None:
    answer = await here.browser().post("/revoke", data={"token": token})
    assert (answer.status_code, answer.content) == (200, b"")


async def test_a_verifier_key_is_no_right_to_end_the_tokens_of_others(here: Door) -> None:
    tokens = await here.tokens()
    answer = await (await service(here)).post("/revoke", data={"token": tokens["access_token"]})
    assert answer.status_code == 401
    assert (await here.browser(**bearer(tokens)).get("/api/me")).status_code == 200


async def test_a_store_that_is_down_is_no_answer(here: Door) -> None:
    tokens, asking = await here.tokens(), await service(here)
    here.auth._gate.fence("the database was replaced")
    for answer in (
        await here.browser().post("/revoke", data={"token": tokens["access_token"]}),
        await asking.post("/introspect", data={"token": tokens["access_token"]}),
    ):
        assert answer.status_code == 503


async def test_another_process_learns_of_an_end_before_it_answers(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/admit.db"
    async with door(authority(store=url)) as here, Authority(url, issuer=ISSUER) as other:
        token = (await here.tokens())["access_token"]
        assert (await other.ask(token, ISSUER)).credential == "token"
        await here.browser().post("/revoke", data={"token": token})
        assert (await asked(here, token)).json() == {"active": False}
        with pytest.raises(Revoked, match="has ended"):
            await other.ask(token, ISSUER)
