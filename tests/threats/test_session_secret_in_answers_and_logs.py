"""The secret of a session stands somewhere else than in its cookie: a body, a URL, a log line (SES-09, TOK-09).

Whatever it stands in is cached, shared, indexed or read by more people than its owner.
"""

from __future__ import annotations

import logging

import pytest

from doors import ANN, COOKIE, Door, bearer, door


@pytest.mark.parametrize("how", ["query", "body", "header", "bearer", "other cookie"])
async def test_it_is_not_accepted_from_anywhere_else(how: str) -> None:
    async with door() as here:
        value = (await here.signed_in()).cookies[COOKIE]
        browser = here.browser()
        match how:
            case "query":
                answer = await browser.get("/api/me", params={COOKIE: value, "session": value, "access_token": value})
            case "body":
                answer = await browser.request("GET", "/api/me", json={COOKIE: value})
            case "header":
                answer = await browser.get("/api/me", headers={COOKIE: value, "X-Session": value})
            case "bearer":
                answer = await browser.get("/api/me", headers={"Authorization": f"Bearer {value}"})
            case _:
                answer = await browser.get("/api/me", headers={"Cookie": f"admit={value}; __host-admit={value}"})
        assert answer.status_code == 401


async def test_a_whole_story_leaves_no_secret_in_a_body_or_a_log_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with door() as here:
        bodies, secrets = await _story(here)
    assert len(secrets) == 8
    said = "\n".join([*bodies, caplog.text, *map(str, (record.args for record in caplog.records))])
    assert "401 bad_credential" in said
    assert [secret for secret in secrets if secret in said] == []


async def _story(here: Door) -> tuple[list[str], list[str]]:
    browser = await here.signed_in()
    tokens = await here.tokens()
    client = here.browser(**bearer(tokens))
    cookie = browser.cookies[COOKIE]
    spent = {"refresh_token": tokens["refresh_token"]}
    refreshed = (await client.post("/api/refresh", json=spent)).json()
    new = "another one, not shorter"
    change = {"current_password": ANN["password"], "new_password": new}
    answers = [
        await browser.get("/api/me"),
        await client.get("/api/sessions"),
        await browser.post("/api/password", json={**change, "new_password": "short", "extra": new}),
        await browser.post("/api/password", json=change),
        await client.get("/api/me"),
        await client.post("/api/refresh", json=spent),
        await client.post("/api/refresh", json={"refresh_token": tokens["refresh_token"] + "x"}),
        await here.browser().post("/api/sign-in", json=ANN),
        await here.browser().get("/api/me", headers={"Cookie": f"{COOKIE}={cookie}"}),
        await here.browser().get("/api/me", headers={"Cookie": f"{COOKIE}={cookie}x"}),
        await browser.post("/api/sign-out"),
    ]
    secrets = [cookie.rpartition(".")[2], ANN["password"], new, tokens["access_token"], tokens["refresh_token"]]
    secrets += [tokens["access_token"].rpartition(".")[2], refreshed["access_token"], refreshed["refresh_token"]]
    return [answer.text for answer in answers], secrets
