"""A sibling host plants cookies for the whole domain, so that its visitor acts in a session of the attacker (COO-02)."""

from __future__ import annotations

from browser.chromium import Chromium
from browser.gallery import signed_in
from browser.site import PASSWORD, SIBLING, Site

MALLORY = "mallory@example.com"
NAMES = ("__Host-admit", "__host-admit", "__Secure-admit", "admit", "admit-insecure", "__HOST-ADMIT")


def test_what_a_sibling_plants_is_nobodys_sign_in(site: Site, browser: Chromium) -> None:
    signed_in(site, browser, MALLORY)
    mallorys = browser.cookies()["__Host-admit"]
    browser.anew()
    plant = ";".join(
        f"document.cookie = '{name}={mallorys}; Domain=example.test; Path={path}; Secure'"
        for name in NAMES
        for path in ("/", "/account", "/sign-in")
    )
    browser.go(site.other(SIBLING, f"<script>{plant}</script>"))
    planted = browser.cookies()
    # What is left are names that we do not read; the browser keeps the prefix for us.
    assert planted
    assert not {name.lower() for name in planted} & {"__host-admit"}

    browser.go(f"{site.origin}/account")
    assert browser.path == "/sign-in"
    site.signed_up()
    browser.fill(email="ann@example.com", password=PASSWORD)
    browser.press("Sign in")
    browser.go(f"{site.origin}/account")
    assert "ann@example.com" in browser.text
    assert MALLORY not in browser.text
