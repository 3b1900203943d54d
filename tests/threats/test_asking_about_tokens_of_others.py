"""Whoever may ask, or just asks, learns what tokens are and whose (TOK-07)."""

from __future__ import annotations

from doors import Door, asked, bearer, is_problem

ELSEWHERE = "https://api.example.com"


async def test_of_a_token_that_is_not_good_nothing_is_said_but_that(here: Door) -> None:
    tokens = await here.tokens()
    other = await here.tokens()
    assert (await here.browser().post("/revoke", data={"token": other["refresh_token"]})).status_code == 200
    for token in ("x", tokens["refresh_token"], tokens["access_token"][:-2], other["access_token"], "adm_s_x"):
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
