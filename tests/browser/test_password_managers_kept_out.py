"""A page that password managers cannot fill, or into which nobody can paste, breeds short passwords (PWD-08)."""

from __future__ import annotations

from browser.chromium import Chromium
from browser.gallery import signed_in
from browser.site import EMAIL, PASSWORD, Site

FIELDS = {
    "/sign-in": [("email", "email", "username"), ("password", "password", "current-password")],
    "/sign-up": [
        ("email", "email", "username"),
        ("password", "password", "new-password"),
        ("password_again", "password", "new-password"),
    ],
    "/account/password": [
        ("", "text", "username"),
        ("current_password", "password", "current-password"),
        ("new_password", "password", "new-password"),
        ("password_again", "password", "new-password"),
    ],
    "/confirm": [("", "text", "username"), ("password", "password", "current-password")],
}


def fields(browser: Chromium) -> list[tuple[str, ...]]:
    found = browser.all("main input:not([type=hidden])")
    return [tuple(field.get_attribute(name) or "" for name in ("name", "type", "autocomplete")) for field in found]


def test_every_field_says_what_it_is_for(site: Site, browser: Chromium) -> None:
    for path in ("/sign-in", "/sign-up"):
        browser.go(site.origin + path)
        assert fields(browser) == FIELDS[path]
    signed_in(site, browser)
    for path in ("/account/password", "/confirm"):
        browser.go(site.origin + path)
        assert fields(browser) == FIELDS[path]
        assert browser.find("[autocomplete=username]").get_attribute("value") == EMAIL


def test_a_password_can_be_pasted(site: Site, browser: Chromium) -> None:
    site.signed_up()
    browser.go(f"{site.origin}/sign-in")
    browser.fill(email=EMAIL)
    browser.find("#password").click()
    browser.insert(PASSWORD)
    browser.press("Sign in")
    assert browser.path == "/account"
