"""A page loads something from another host, or leaves a secret where others read it (XSS-06, XSS-07, XSS-08).

Others: scripts of the page, what it loads, and whoever has the browser next.
"""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from admit.core.session_cookie import parse_cookie
from browser.chromium import Chromium
from browser.gallery import PAGES, signed_in
from browser.site import PASSWORD, Site

LEFT = "return [localStorage.length, document.cookie, window.name, (await indexedDB.databases()).length]"


@pytest.mark.parametrize(
    "page", ["sign-up", "account-with-devices", "password-refused", "signed-out", "error-404", "demo"]
)
def test_every_page_comes_from_one_origin(page: str, site: Site, browser: Chromium) -> None:
    PAGES[page](site, browser)
    urls = [
        urlsplit(event["params"]["request"]["url"])
        for event in browser.events()
        if event["method"] == "Network.requestWillBeSent"
    ]
    assert {f"{url.scheme}://{url.netloc}" for url in urls} == {site.origin}
    assert {url.path.rpartition(".")[2] for url in urls} >= {"css"}


def test_no_secret_is_in_an_address_or_where_scripts_read(site: Site, browser: Chromium) -> None:
    signed_in(site, browser)
    cookie = browser.cookies()["__Host-admit"]
    assert browser.run(f"return (async () => {{ {LEFT} }})()") == [0, "", "", 0]
    urls = [event["params"]["request"]["url"] for event in browser.events()
            if event["method"] == "Network.requestWillBeSent"]  # fmt: skip
    for secret in (cookie, cookie.rpartition(".")[2], PASSWORD):
        assert not any(secret in url for url in urls)
        assert secret not in browser.run("return document.documentElement.outerHTML")


def test_signing_out_leaves_nothing_behind(site: Site, browser: Chromium) -> None:
    signed_in(site, browser)
    browser.run("localStorage.setItem('draft', 'of the last visitor')")
    browser.press("Sign out")
    assert browser.run("return localStorage.length") == 0
    assert "__Host-admit" not in browser.cookies()
    browser.driver.back()
    assert "ann@example.com" not in browser.text


def test_no_page_is_kept_to_go_back_to_once_signed_out(site: Site, browser: Chromium) -> None:
    signed_in(site, browser)
    session, _, _ = parse_cookie(browser.cookies()["__Host-admit"])
    ended = site.do(site.auth.sessions.get(session))
    assert ended is not None
    site.do(site.auth.revoke(ended))
    browser.run("window.kept = true")
    browser.leave_by("location.assign('/sign-in?done=signed-out')")
    assert "You are signed out." in browser.text
    browser.driver.back()
    assert browser.run("return window.kept") is None
    assert "ann@example.com" not in browser.text
