"""The whole story of an account, by somebody whose browser runs no scripts."""

from __future__ import annotations

from browser.chromium import Chromium
from browser.site import EMAIL, NEW_PASSWORD, PASSWORD, Site


def test_from_signing_up_to_signing_out(site: Site, browser: Chromium) -> None:
    browser.scripts(run=False)
    browser.go(f"{site.origin}/account")
    assert browser.path == "/sign-in"

    browser.follow("Create an account")
    browser.fill(email=EMAIL, password=PASSWORD, password_again=PASSWORD)
    browser.press("Create account")
    assert browser.path == "/account"
    assert EMAIL in browser.text
    assert "This device" in browser.text
    account = site.do(site.auth.accounts.by_email(EMAIL))
    assert account is not None

    site.signed_in_elsewhere(account.id, "Safari/iOS")
    browser.go(f"{site.origin}/account")
    assert "Safari on iOS" in browser.text
    browser.press("Sign out\nSafari")
    assert "That device is signed out." in browser.text
    assert "Safari on iOS" not in browser.text

    site.signed_in_elsewhere(account.id, "Edge/Windows")
    site.clock.passes(20 * 60)
    browser.go(f"{site.origin}/account")
    browser.press("Sign out all other devices")
    assert browser.path == "/confirm"
    before = browser.cookies()["__Host-admit"]
    browser.fill(password=PASSWORD)
    browser.press("Confirm")
    assert browser.path == "/account"
    assert browser.cookies()["__Host-admit"] != before
    browser.press("Sign out all other devices")
    assert "Every other device is signed out." in browser.text
    assert "Edge on Windows" not in browser.text

    browser.follow("Change password")
    browser.fill(current_password=PASSWORD, new_password=NEW_PASSWORD, password_again=NEW_PASSWORD)
    browser.press("Change password")
    assert "Your password is changed." in browser.text

    browser.press("Sign out")
    assert browser.path.startswith("/sign-in")
    assert "You are signed out." in browser.text
    assert "__Host-admit" not in browser.cookies()

    browser.fill(email=EMAIL, password=PASSWORD)
    browser.press("Sign in")
    assert "not right" in browser.text
    assert browser.find("[name=email]").get_attribute("value") == EMAIL
    assert not browser.find("[name=password]").get_attribute("value")
    browser.fill(password=NEW_PASSWORD)
    browser.press("Sign in")
    assert browser.path == "/account"
