"""A page of another site acts in a visitor's lab, reads it, puts markup into it, or fills the demo with labs (CSR-01, CSR-05, XSS-01, XSS-02).

There is nothing to steal in it; but a page that a stranger can act on teaches nothing, and shares its origin with the
accounts of the demo.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.resources import files

import httpx
import pytest

from admit.lab.live.routes import furnish
from admit.lab.live.visitors import AT_MOST
from admit.web import application
from doors import ISSUER, Door, authority
from web.pages.html import Page

ELSEWHERE = [
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Origin": "https://evil.test"},
    {"Origin": "null"},
]


@asynccontextmanager
async def lab() -> AsyncIterator[Door]:
    async with authority() as auth:
        app = application(auth)
        furnish(app)
        yield Door(auth, app, ISSUER)


async def act(browser: httpx.AsyncClient, name: str, **headers: str) -> httpx.Response:
    return await browser.post("/lab/act", data={"act": name}, headers=headers)


@pytest.mark.parametrize("headers", ELSEWHERE, ids=str)
async def test_nothing_is_pressed_from_elsewhere(headers: dict[str, str]) -> None:
    async with lab() as here:
        browser = here.browser()
        await act(browser, "sign-in")
        answer = await act(browser, "disable", **headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "cross_origin")
        assert "set-cookie" not in answer.headers
        assert {lane["standing"] for lane in (await browser.get("/lab/state")).json()["lanes"]} == {"in"}


async def test_to_look_presses_nothing_and_makes_nothing() -> None:
    async with lab() as here:
        browser = here.browser()
        assert (await browser.get("/lab")).status_code == 200
        assert (await browser.get("/lab/state")).status_code == 404
        assert (await browser.get("/lab/act?act=sign-in")).status_code == 405
        assert not browser.cookies


async def test_each_visitor_has_a_lab_of_his_own_behind_a_cookie_that_nobody_else_sends_or_reads() -> None:
    async with lab() as here:
        ann, bob = here.browser(), here.browser()
        told = (await act(ann, "sign-in")).headers["set-cookie"]
        assert re.fullmatch(r"__Secure-admit-lab=[\w-]{32}; HttpOnly; Path=/lab; SameSite=strict; Secure", told), told
        await act(bob, "look")
        assert [
            {lane["standing"] for lane in (await browser.get("/lab/state")).json()["lanes"]} for browser in (ann, bob)
        ] == [{"in"}, {"out"}]


async def test_what_the_lab_hands_out_opens_nothing_but_the_lab() -> None:
    async with lab() as here:
        browser = here.browser()
        await browser.post("/lab/act", data={"act": "token", "value": "leased"})
        _, token = (await act(browser, "sign-in")).json()["lanes"]
        (access,) = (one["value"] for one in token["kept"] if one["name"] == "access_token")
        answer = await browser.get("/api/me", headers={"Authorization": f"Bearer {access}"})
        assert answer.status_code == 401


async def test_a_server_that_is_no_demo_has_no_lab() -> None:
    async with authority() as auth:
        browser = Door(auth, application(auth), ISSUER).browser()
        assert (await browser.get("/lab")).status_code == 404
        assert (await act(browser, "look")).status_code == 404


async def test_the_demo_is_not_filled_with_labs() -> None:
    async with lab() as here:
        answers = [await act(here.browser(), "look") for _ in range(AT_MOST + 1)]
        assert [answer.status_code for answer in answers] == [200] * AT_MOST + [429]
        assert int(answers[-1].headers["retry-after"]) > 0


@pytest.mark.parametrize(
    "form", [{"act": "x" * 20_000}, {"act": "<b>"}, {"act": "servers", "value": "<b>"}, {"more": "x"}]
)
async def test_what_the_page_would_not_send_is_refused(form: dict[str, str]) -> None:
    async with lab() as here:
        answer = await here.browser().post("/lab/act", data=form)
        assert answer.status_code in (400, 422)
        assert "<b>" not in answer.text


async def test_the_page_runs_our_script_and_no_other() -> None:
    async with lab() as here:
        answer = await here.browser().get("/lab")
        policy = dict(part.split(" ", 1) for part in answer.headers["content-security-policy"].split("; "))
        assert policy == {
            "default-src": "'none'", "script-src": "'self'", "connect-src": "'self'", "style-src": "'self'",
            "img-src": "'self'", "form-action": "'self'", "frame-ancestors": "'none'", "base-uri": "'none'",
        }  # fmt: skip
        page = Page(answer.text)
        (script,) = page.all("script")
        assert script.attributes["src"].startswith("/static/lab-")
        assert not [one for one in page.elements if {"style", "onclick", "onload"} & one.attributes.keys()]
        assert (
            (await here.browser().get(script.attributes["src"])).headers["content-type"].startswith("text/javascript")
        )


def test_the_script_makes_text_of_everything() -> None:
    script = (files("admit.lab.live") / "static" / "lab.js").read_text()
    assert not re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|eval\(|Function\(", script)
