"""Somebody calls himself, his browser or his destination something that a page would run (XSS-02, XSS-03)."""

from __future__ import annotations

import pytest

from doors import ANN
from web.pages.html import Page
from web.pages.people import people

NAUGHTY = [
    "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "'><svg onload=alert(1)>", "</title><script>", "{{7*7}}", "{% x %}",
    "<!--", "]]>", "&#x3c;script&#x3e;", "\x00<b>", "\u202e<b>", "a\r\nSet-Cookie: x=y", "<style>*{display:none}",
]  # fmt: skip
FOLLOWED = [
    "javascript:alert(1)", "JAVASCRIPT:alert(1)", "data:text/html,x", "vbscript:x",
    "//evil.test", "https://evil.test/", "\\\\evil.test",
]  # fmt: skip


@pytest.mark.parametrize("payload", NAUGHTY)
async def test_it_is_shown_as_text(payload: str) -> None:
    async with people() as here:
        plain = Page((await here.browser().post("/sign-in", data={"email": "x", "password": "x"})).text)
        answer = await here.browser().post("/sign-in", data={"email": payload, "password": "x", "next": payload})
        page = Page(answer.text)
        assert [element.tag for element in page.elements] == [element.tag for element in plain.elements]
        assert page.one("input", name="email").attributes["value"] == payload


@pytest.mark.parametrize("payload", NAUGHTY)
async def test_a_browser_is_what_we_call_it(payload: str) -> None:
    async with people() as here:
        agent = f"Firefox/{payload}".encode("utf-8", "replace").replace(b"\r\n", b"").replace(b"\0", b"")
        browser = await here.signed_in(agent=agent.decode("latin-1").encode("ascii", "replace").decode())
        page = Page((await browser.get("/account")).text)
        session, *activity = page.all("p", **{"class": "device"})  # and what was done lately, in words of ours
        assert session.text == "Firefox This device"
        assert {line.text for line in activity} == {"Signed in", "Account created"}


@pytest.mark.parametrize("path", FOLLOWED)
async def test_no_page_leads_there(path: str) -> None:
    async with people() as here:
        browser = here.browser()
        page = Page((await browser.get("/sign-in", params={"next": path})).text)
        assert not [element for element in page.all("a") if element.attributes["href"].startswith(path)]
        answer = await browser.post("/sign-in", data=ANN | {"next": path})
        assert answer.headers["location"] == "/account"
