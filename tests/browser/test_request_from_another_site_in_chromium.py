"""A page of another site posts in its visitor's name, or signs them in as somebody else (CSR-03, CSR-04).

Chromium sends it, and from a sibling host it sends the cookie along.
"""

from __future__ import annotations

import pytest

from browser.chromium import Chromium
from browser.gallery import signed_in
from browser.site import EVIL, SIBLING, Site

MALLORY = "mallory@example.com"
MALLORYS = "what only mallory would choose"


def form(action: str, **fields: str) -> str:
    """A page that posts ``fields`` to ``action``."""
    inputs = "".join(f'<input name="{name}" value="{value}">' for name, value in fields.items())
    return f'<form method="post" action="{action}">{inputs}</form>'


@pytest.mark.parametrize("host", [EVIL, SIBLING])
@pytest.mark.parametrize("path", ["/sign-out", "/account/sign-out-others"])
def test_a_post_of_another_host_changes_nothing(host: str, path: str, site: Site, browser: Chromium) -> None:
    signed_in(site, browser, "ann@example.com", "Safari/iOS")
    browser.go(site.other(host, form(site.origin + path)))
    browser.submit()
    assert "That is not allowed" in browser.text
    browser.go(f"{site.origin}/account")
    assert "Safari on iOS" in browser.text


def test_the_cookie_does_come_from_a_sibling_so_that_the_cookie_alone_defends_nothing(
    site: Site, browser: Chromium
) -> None:
    signed_in(site, browser)
    browser.go(site.other(SIBLING, form(f"{site.origin}/sign-out")))
    browser.events()
    browser.submit()
    sent = [event["params"]["headers"] for event in browser.events()
            if event["method"] == "Network.requestWillBeSentExtraInfo"]  # fmt: skip
    [posted] = [headers for headers in sent if headers.get(":method", headers.get("Sec-Fetch-Site")) == "same-site"]
    assert "__Host-admit=" in posted["Cookie"]


@pytest.mark.parametrize("host", [EVIL, SIBLING])
def test_nobody_is_signed_in_as_somebody_else(host: str, site: Site, browser: Chromium) -> None:
    site.signed_up(MALLORY, MALLORYS)
    browser.go(site.other(host, form(f"{site.origin}/sign-in", email=MALLORY, password=MALLORYS, next="")))
    browser.submit()
    assert "That is not allowed" in browser.text
    assert browser.cookies() == {}
    browser.go(f"{site.origin}/account")
    assert browser.path == "/sign-in"


def test_our_own_page_may_post(site: Site, browser: Chromium) -> None:
    signed_in(site, browser)
    assert browser.path == "/account"
