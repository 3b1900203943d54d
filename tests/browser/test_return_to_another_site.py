"""A link to our sign-in page carries a return address that ends on the attacker's site (OPN-01, XSS-03).

There the password is asked for once more. The browser is the judge of where an address ends.
"""

from __future__ import annotations

from urllib.parse import quote

import pytest

from browser.chromium import Chromium
from browser.gallery import signed_in
from browser.site import EVIL, PASSWORD, Site

TRICKS = (
    "https://evil.test:{port}/", "//evil.test:{port}/", r"\\evil.test:{port}/", r"/\evil.test:{port}/", "/\t/evil.test:{port}/",
    "/\n/evil.test:{port}/", "\t//evil.test:{port}/", "https:evil.test:{port}", "https:/evil.test:{port}/", "///evil.test:{port}/",
    "//evil。test:{port}/", "/%09/evil.test:{port}/", "/.//evil.test:{port}/", "/..//evil.test:{port}/", "/%2e%2e//evil.test:{port}/",
    "/x/..//evil.test:{port}/", "https://auth.example.test@evil.test:{port}/", "@evil.test:{port}", ".evil.test:{port}",
    "javascript:document.title='evil'", "JaVaScRiPt:alert(1)", "data:text/html,<h1>evil</h1>", "vbscript:evil", " //evil.test:{port}/",
    "/\r\nLocation: https://evil.test:{port}/", "/\\/evil.test:{port}/", "https://evil.test%2f@auth.example.test:{port}/", "/%5cevil.test:{port}/",
)  # fmt: skip


def test_every_return_ends_on_our_origin(site: Site, browser: Chromium) -> None:
    site.other(EVIL, "<h1>evil</h1>")
    port = site.origin.rpartition(":")[2]
    signed_in(site, browser)
    for trick in TRICKS:
        next = quote(trick.format(port=port), safe="")
        # Whoever is signed in goes on at once.
        browser.go(f"{site.origin}/sign-in?next={next}")
        assert browser.run("return location.origin") == site.origin, trick
        assert browser.run("return document.title") != "evil", trick


@pytest.mark.parametrize("trick", TRICKS[:4])
def test_so_does_the_return_after_the_form(trick: str, site: Site, browser: Chromium) -> None:
    site.other(EVIL, "<h1>evil</h1>")
    port = site.origin.rpartition(":")[2]
    site.signed_up()
    browser.go(f"{site.origin}/sign-in?next={quote(trick.format(port=port), safe='')}")
    browser.fill(email="ann@example.com", password=PASSWORD)
    browser.press("Sign in")
    assert browser.run("return location.origin") == site.origin
    assert browser.path == "/account"


def test_a_path_of_ours_is_gone_back_to(site: Site, browser: Chromium) -> None:
    site.signed_up()
    browser.go(f"{site.origin}/account/password")
    assert browser.path == "/sign-in?next=/account/password"
    browser.fill(email="ann@example.com", password=PASSWORD)
    browser.press("Sign in")
    assert browser.path == "/account/password"
