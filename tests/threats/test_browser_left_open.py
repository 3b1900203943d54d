"""Somebody finds a browser that another left open, or has a copy of its cookie (SES-02, SES-06, SES-07)."""

from __future__ import annotations

import httpx
import pytest

from admit.tokens import TokenPolicy
from doors import ANN, BOB, COOKIE, NEW_PASSWORD, bearer
from web.pages.html import Page
from web.pages.people import People, people

ENDING = ["/account/sign-out-others", "/account/sign-out-device"]
LATER = 16 * 60


async def device(here: People) -> dict[str, str]:
    """The form that ends one of Ann's devices."""
    account = await here.door.auth.accounts.by_email(ANN["email"])
    assert account is not None
    return {"device": (await here.door.auth.sessions.of(account.id))[-1].id}


@pytest.mark.parametrize("path", ENDING)
async def test_devices_are_ended_by_who_proved_himself_lately(path: str) -> None:
    async with people() as here:
        other, browser = await here.signed_in(), await here.signed_in()
        here.clock.passes(LATER)
        form = await device(here) if path.endswith("device") else {}
        answer = await browser.post(path, data=form)
        assert (answer.status_code, answer.headers["location"]) == (303, "/confirm")
        assert (await other.get("/account")).status_code == 200

        refused = await browser.post("/confirm", data={"password": "not this one"})
        assert refused.status_code == 401
        assert (await browser.post(path, data=form)).headers["location"] == "/confirm"

        assert (await browser.post("/confirm", data={"password": ANN["password"]})).headers["location"] == "/account"
        assert (await browser.post(path, data=form)).headers["location"].startswith("/account?done=")
        assert (await other.get("/account")).status_code == 303


@pytest.mark.parametrize("by_cookie", [True, False], ids=["cookie", "token"])
async def test_programs_too_end_sessions_only_for_who_signed_in_lately(by_cookie: bool) -> None:
    async def knocks(here: People) -> httpx.AsyncClient:
        if by_cookie:
            return await here.signed_in()
        return here.door.browser(**bearer(await here.door.tokens()))

    async with people(tokens=TokenPolicy(access=3_600)) as here:
        other, browser = await knocks(here), await knocks(here)
        assert (await browser.post("/api/sign-out-others")).status_code == 204
        assert (await other.get("/api/me")).status_code == 401
        other, browser = await knocks(here), await knocks(here)
        [id] = [one["id"] for one in (await other.get("/api/sessions")).json()["sessions"] if one["current"]]
        here.clock.passes(LATER)
        for method, path in (("POST", "/api/sign-out-others"), ("DELETE", f"/api/sessions/{id}")):
            answer = await browser.request(method, path)
            assert (answer.status_code, answer.json()["code"]) == (401, "step_up")
            assert "max_age=" in answer.headers["www-authenticate"]
        assert (await other.get("/api/me")).status_code == 200
        assert (await browser.post("/api/sign-out")).status_code == 204


async def test_who_confirms_has_another_cookie_and_the_copy_of_the_old_one_is_dead() -> None:
    async with people() as here:
        browser, thief = await here.signed_in(), here.browser()
        thief.cookies.set(COOKIE, browser.cookies[COOKIE])
        assert (await thief.get("/account")).status_code == 200
        await browser.post("/confirm", data={"password": ANN["password"], "next": "/account/password"})
        assert (await browser.get("/account")).status_code == 200
        assert (await thief.get("/account")).status_code == 303


async def test_nobody_confirms_with_another_account() -> None:
    async with people() as here:
        assert (await here.door.browser().post("/api/sign-up", json=BOB)).status_code == 201
        browser = await here.signed_in()
        assert (await browser.post("/confirm", data={"password": BOB["password"]})).status_code == 401


async def test_a_password_is_changed_with_the_present_one_however_fresh_the_sign_in() -> None:
    async with people() as here:
        browser = await here.signed_in()
        form = {"current_password": "", "new_password": NEW_PASSWORD, "password_again": NEW_PASSWORD}
        assert (await browser.post("/account/password", data=form)).status_code == 422
        assert (await browser.post("/account/password", data=form | {"current_password": "x"})).status_code == 422
        await here.door.auth.accounts.sign_in(**ANN)


async def test_an_owner_sees_all_devices_and_ends_a_strange_one() -> None:
    async with people() as here:
        thief, browser = await here.signed_in(agent="curl/8"), await here.signed_in()
        assert "curl" in Page((await browser.get("/account")).text).text
        await browser.post("/account/sign-out-device", data=await device(here))
        assert (await thief.get("/account")).status_code == 303
