"""A page runs what an attacker got into it, is framed, or tells others where its visitor was (XSS-01, XSS-04, XSS-06)."""

from __future__ import annotations

import re

import pytest

from doors import ANN, COOKIE
from web.pages.html import Page
from web.pages.people import OPENED, SENT, people

POLICY = {
    "default-src": "'none'",
    "style-src": "'self'",
    "img-src": "'self'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
    "base-uri": "'none'",
}
ARMOUR = {
    "x-content-type-options": "nosniff",
    # A form's own POST bears an Origin that says nothing under no-referrer; this tells nobody else either.
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "strict-transport-security": "max-age=31536000",
    "cache-control": "no-store",
}
ASKED = [*(("GET", path) for path in (*OPENED, "/nothing")), *(("POST", path) for path in (*SENT, "/account"))]


@pytest.mark.parametrize("method, path", ASKED)
@pytest.mark.parametrize("signed_in", [True, False])
async def test_every_page_and_every_way_onward_is_armoured(method: str, path: str, signed_in: bool) -> None:
    async with people() as here:
        browser = await here.signed_in() if signed_in else here.browser()
        cookie = browser.cookies.get(COOKIE) or "no cookie"
        answer = await browser.request(method, path, data=SENT.get(path) if method == "POST" else None)
    assert {name: answer.headers.get(name) for name in ARMOUR} == ARMOUR
    policy = dict(part.split(" ", 1) for part in answer.headers["content-security-policy"].split("; "))
    assert policy == POLICY
    assert cookie not in answer.text
    assert ANN["password"] not in answer.text
    assert "adm_" not in answer.headers.get("location", "")
    if answer.text:
        page = Page(answer.text)
        assert page.all("script") == page.all("style") == page.all("iframe") == page.all("base") == []
        for element in page.elements:
            assert not [name for name in element.attributes if name == "style" or name.startswith("on")]
            for name in ("href", "src", "action"):
                assert re.match(r"[/#]", element.attributes.get(name, "/")), element
