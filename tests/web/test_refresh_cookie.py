"""The refresh token of an application in a browser: in a cookie that one endpoint takes, and no script reads."""

from __future__ import annotations

from http.cookies import SimpleCookie
from typing import Any

import httpx

from admit.tokens import TokenPolicy
from admit.web import application
from doors import ANN, BOB, COOKIE, ISSUER, ROUTES, Door, authority, bearer, door

REFRESH = f"{COOKIE}-refresh"
IN_COOKIE = {"refresh": "cookie"}


async def signed_in(here: Door, who: dict[str, str] = ANN) -> tuple[httpx.AsyncClient, dict[str, Any]]:
    """A browser with a refresh token in its jar, and the tokens that its script got."""
    browser = here.browser()
    answer = await browser.post("/api/tokens", json=who | IN_COOKIE)
    assert answer.status_code == 200, answer.text
    return browser, answer.json()


async def test_it_is_set_for_the_browser_alone_and_not_told_to_the_script() -> None:
    async with door() as here:
        answer = await here.browser().post("/api/tokens", json=ANN | IN_COOKIE)
        [line] = [line for line in answer.headers.get_list("set-cookie") if line.startswith(f"{REFRESH}=")]
        morsel = SimpleCookie(line)[REFRESH]
        assert "refresh_token" not in answer.json()
        assert morsel.value not in answer.text
        assert (morsel["path"], morsel["domain"], morsel["samesite"]) == ("/", "", "Strict")
        assert (bool(morsel["httponly"]), bool(morsel["secure"])) == (True, True)
        assert 86_300 < int(morsel["max-age"]) <= 86_400


async def test_over_http_it_has_a_name_that_says_so() -> None:
    async with door(authority(issuer="http://127.0.0.1:8000")) as here:
        browser, _ = await signed_in(here)
        assert "admit-refresh-insecure" in browser.cookies
        assert (await browser.post("/api/refresh", json={})).status_code == 200


async def test_each_refresh_replaces_it_and_the_script_never_sees_one() -> None:
    async with door(authority()) as here:
        browser, tokens = await signed_in(here)
        for asked in ({}, IN_COOKIE, {"refresh": "body"}):
            before = browser.cookies[REFRESH]
            answer = await browser.post("/api/refresh", json=asked)
            assert (answer.status_code, answer.json().keys()) == (200, tokens.keys())
            assert "refresh_token" not in answer.json()
            assert browser.cookies[REFRESH].startswith(before[:20])
            assert (await browser.get("/api/me", headers=bearer(answer.json()))).status_code == 200


async def test_no_other_endpoint_takes_it() -> None:
    async with door() as here:
        browser, _ = await signed_in(here)
        with_it = {"Cookie": f"{REFRESH}={browser.cookies[REFRESH]}"}
        for method, path, body, guarded in ROUTES:
            if guarded:
                answer = await here.browser().request(method, path, json=body, headers=with_it)
                assert (answer.status_code, answer.json()["code"]) == (401, "no_credential"), path
        for name in (COOKIE, f"{COOKIE}-device"):
            posing = {"Cookie": f"{name}={browser.cookies[REFRESH]}"}
            assert (await here.browser().get("/api/me", headers=posing)).status_code == 401


async def test_a_session_cookie_refreshes_nothing() -> None:
    async with door() as here:
        browser = await here.signed_in()
        posing = {"Cookie": f"{REFRESH}={browser.cookies[COOKIE]}"}
        for headers in ({}, posing):
            answer = await browser.post("/api/refresh", json={}, headers=headers)
            assert answer.status_code == 401


async def test_it_is_no_fallback_for_a_token_in_the_body_that_is_bad() -> None:
    async with door() as here:
        browser, _ = await signed_in(here)
        before = browser.cookies[REFRESH]
        for bad in ("", "adm_r_x", before + "x"):
            assert (await browser.post("/api/refresh", json={"refresh_token": bad})).status_code == 401
        assert browser.cookies[REFRESH] == before
        assert (await browser.post("/api/refresh", json={})).status_code == 200


async def test_two_of_them_are_refused() -> None:
    async with door() as here:
        browser, _ = await signed_in(here)
        text = browser.cookies[REFRESH]
        doubled = {"Cookie": f"{REFRESH}={text}; {REFRESH}={text}"}
        answer = await here.browser().post("/api/refresh", json={}, headers=doubled)
        assert (answer.status_code, answer.json()["code"]) == (401, "bad_credential")


async def test_another_site_cannot_have_it_used() -> None:
    async with door() as here:
        browser, _ = await signed_in(here)
        for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "same-site"}):
            assert (await browser.post("/api/refresh", json={}, headers=headers)).status_code == 403
        form = await browser.post("/api/refresh", content=b"{}", headers={"Content-Type": "text/plain"})
        assert form.status_code == 415


async def test_a_token_of_the_body_moves_into_the_cookie_when_asked() -> None:
    async with door() as here:
        tokens, browser = await here.tokens(), here.browser()
        moved = await browser.post("/api/refresh", json={"refresh_token": tokens["refresh_token"]} | IN_COOKIE)
        assert (moved.status_code, "refresh_token" in moved.json()) == (200, False)
        assert (await browser.post("/api/refresh", json={})).status_code == 200


async def test_a_copy_of_it_that_is_late_ends_the_session() -> None:
    async with door(authority(tokens=TokenPolicy(grace=0))) as here:
        browser, _ = await signed_in(here)
        copy = {"Cookie": f"{REFRESH}={browser.cookies[REFRESH]}"}
        assert (await browser.post("/api/refresh", json={})).status_code == 200
        assert (await here.browser().post("/api/refresh", json={}, headers=copy)).status_code == 401
        assert (await browser.post("/api/refresh", json={})).status_code == 401


async def test_signing_out_ends_it_whichever_credential_signs_out() -> None:
    async with door() as here:
        browser, tokens = await signed_in(here)
        assert (await browser.post("/api/sign-in", json=ANN)).status_code == 200
        copy = {"Cookie": f"{REFRESH}={browser.cookies[REFRESH]}"}
        answer = await browser.post("/api/sign-out")
        assert answer.status_code == 204
        assert not {COOKIE, REFRESH} & set(browser.cookies)
        assert (await here.browser().post("/api/refresh", json={}, headers=copy)).status_code == 401
        assert (await here.browser().get("/api/me", headers=bearer(tokens))).status_code == 401
        browser, tokens = await signed_in(here)
        assert (await browser.post("/api/sign-out", headers=bearer(tokens))).status_code == 204
        assert REFRESH not in browser.cookies


async def test_signing_in_anew_ends_the_one_whose_cookie_is_overwritten() -> None:
    async with door(authority(), ANN, BOB) as here:
        browser, first = await signed_in(here)
        assert (await browser.post("/api/tokens", json=BOB | IN_COOKIE)).status_code == 200
        assert (await here.browser().get("/api/me", headers=bearer(first))).status_code == 401
        assert (await browser.post("/api/refresh", json={})).status_code == 200


async def test_nobody_ends_a_session_by_naming_it_in_a_cookie() -> None:
    async with door(authority(), ANN, BOB) as here:
        ann, tokens = await signed_in(here)
        mallory, _ = await signed_in(here, BOB)
        text, own = ann.cookies[REFRESH], mallory.cookies[REFRESH]
        forged = text[: len(text) // 2] + own[len(text) // 2 :]
        mallory.cookies.set(REFRESH, forged, domain="auth.example.com")
        await mallory.post("/api/tokens", json=BOB | IN_COOKIE)
        assert (await here.browser().get("/api/me", headers=bearer(tokens))).status_code == 200


def test_the_description_tells_of_it() -> None:
    described = application(authority()).openapi()
    assert described["components"]["securitySchemes"]["refresh"] == {"type": "apiKey", "in": "cookie", "name": REFRESH}
    takers = [
        path
        for path, methods in described["paths"].items()
        for operation in methods.values()
        if {"refresh": []} in operation.get("security", [])
    ]
    assert takers == ["/api/refresh"]
    assert "refresh_token" not in described["components"]["schemas"]["Tokens"]["required"]
    assert "required" not in described["components"]["schemas"]["Refresh"]
    assert described["servers"] == [{"url": ISSUER}]
