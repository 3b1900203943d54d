"""An attacker calls himself, or his browser, something that a page would run (XSS-01, XSS-02)."""

from __future__ import annotations

import pytest

from browser.chromium import Chromium
from browser.gallery import PAGES, signed_in
from browser.site import Site

NAUGHTY = (
    "<script>document.title='evil'</script>", "\"><img src=x onerror=document.title='evil'>", "'><svg/onload=document.title='evil'>",
    "</title><script>document.title='evil'</script>", "{{7*7}}{% raw %}", "\" autofocus onfocus=document.title='evil' x=\"",
    "<!--", "&lt;b&gt;", "\u202eevil",
)  # fmt: skip


def test_what_was_typed_comes_back_as_text(site: Site, browser: Chromium) -> None:
    browser.go(f"{site.origin}/sign-in")
    elements = len(browser.all("*"))
    for payload in NAUGHTY:
        browser.go(f"{site.origin}/sign-in")
        # As another client would send it: the browser would clean it first.
        browser.run("arguments[0].type = 'text'; arguments[0].value = arguments[1]", browser.find("#email"), payload)
        browser.run("document.querySelector('#password').value = 'x'")
        browser.press("Sign in")
        assert browser.find("#email").get_attribute("value") == payload
        assert browser.run("return document.title").startswith("Error: Sign in")
        # The message with its sentence is all there is more than before.
        assert len(browser.all("*")) <= elements + 4


def test_a_device_may_be_called_anything(site: Site, browser: Chromium) -> None:
    payloads = ["<b>x</b>", "<i onload=1>/x", "'\"><u>/<u>"]
    signed_in(site, browser, "ann@example.com", *payloads)
    assert not browser.all("b, i, u")
    assert "<b>x< on b>" in browser.text
    assert "<i onload=1> on x" in browser.text


def test_an_address_may_hold_what_addresses_may_hold(site: Site, browser: Chromium) -> None:
    address = "o'hara&co{{7*7}}`$`@example.com"
    signed_in(site, browser, address)
    assert address in browser.text


@pytest.mark.parametrize(
    "page", ["sign-up-refused", "account-with-devices", "password", "signed-out", "error-403", "demo"]
)
def test_no_page_breaks_its_own_policy(page: str, site: Site, browser: Chromium) -> None:
    PAGES[page](site, browser)
    assert [line for line in browser.complaints() if "Content Security Policy" in line or "Refused" in line] == []
    assert browser.run("return document.querySelectorAll('script, style, [style], [onclick], iframe').length") == 0


def test_what_gets_in_all_the_same_does_not_run(site: Site, browser: Chromium) -> None:
    browser.go(f"{site.origin}/sign-in")
    browser.run("""
        document.body.insertAdjacentHTML("beforeend", "<img src=x onerror=\\"document.title='evil'\\">");
        const script = document.createElement("script"); script.textContent = "document.title='evil'";
        document.body.append(script);
    """)
    assert browser.run("return document.title") == "Sign in · Admit"
    assert any("Content Security Policy" in line for line in browser.complaints())
