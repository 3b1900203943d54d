"""Every page in every state worth looking at: how to come to it, from a browser that nobody is signed in with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from admit.errors import StoreUnavailable
from admit.server.front import Demo
from admit.server.lines import chapters
from admit.server.load import load
from browser.chromium import Chromium
from browser.site import ALIAS, EMAIL, EVIL, HOST, PASSWORD, SIBLING, Site

LONG = "a.person.with.a.remarkably.long.address+and-a-tag-on-top-of-it@the-department-of-long-names.example.com"
DEVICES = ("Safari/iOS", "Chrome/Android", "Edge/Windows", "Firefox/macOS", "curl", "", "Chrome/ChromeOS")

State = Callable[[Site, Chromium], None]
"""Leads a browser to a page in one state."""


def signed_in(site: Site, browser: Chromium, email: str = EMAIL, *devices: str) -> None:
    """Somebody is signed in here, and has been on other devices."""
    subject = site.signed_up(email)
    for device in devices:
        site.signed_in_elsewhere(subject, device)
        site.clock.passes(150)
    browser.go(f"{site.origin}/sign-in")
    browser.fill(email=email, password=PASSWORD)
    browser.press("Sign in")


def pressed(browser: Chromium, *acts: str) -> None:
    """In the live lab, ``acts`` were pressed one after the other, and the page shows what came of them."""
    for act in acts:
        browser.find(f"[data-act={act}]").click()
        assert browser.ask("queue") is None  # the page has shown the answer


def _at(path: str) -> State:
    """The page of somebody who is not signed in."""

    def state(site: Site, browser: Chromium) -> None:
        browser.go(f"{site.origin}{path}")

    return state


def _signed_in_at(path: str, email: str = EMAIL) -> State:
    """The page of somebody who has just signed in."""

    def state(site: Site, browser: Chromium) -> None:
        signed_in(site, browser, email)
        browser.go(f"{site.origin}{path}")

    return state


def _sent(page: State, button: str, **typed: str) -> State:
    """The page after its form was sent."""

    def state(site: Site, browser: Chromium) -> None:
        page(site, browser)
        browser.fill(**typed)
        browser.press(button)

    return state


_sign_in, _sign_up, _password = _at("/sign-in"), _at("/sign-up"), _signed_in_at("/account/password")
_sign_in_refused = _sent(_sign_in, "Sign in", email=EMAIL, password="not this one")


def _sign_in_throttled(site: Site, browser: Chromium) -> None:
    _sign_in_refused(site, browser)
    while "Too many tries" not in browser.text:
        browser.fill(password="nor this one")
        browser.press("Sign in")


def _account(site: Site, browser: Chromium) -> None:
    signed_in(site, browser)


def _account_with_devices(site: Site, browser: Chromium) -> None:
    signed_in(site, browser, LONG, *DEVICES)
    browser.press("Sign out\n")


_new_key = _signed_in_at("/account/keys/new")
_key_made = _sent(_new_key, "Make the key", name="nightly backup", scope="links:read")


def _keys(site: Site, browser: Chromium) -> None:
    _key_made(site, browser)
    browser.follow("I have copied it")


def _signed_out(site: Site, browser: Chromium) -> None:
    signed_in(site, browser)
    browser.press("Sign out")


def _stale_ticket(site: Site, browser: Chromium) -> None:
    browser.go(f"{site.protect(SIBLING)}/.admit/hand-over?ticket=spent&next=/reports%3Fpage%3D2")


def _cross_origin(site: Site, browser: Chromium) -> None:
    browser.go(site.other(EVIL, f'<form method="post" action="{site.origin}/sign-in"><input name="email"></form>'))
    browser.submit()


def _changed(site: Site, browser: Chromium, script: str) -> None:
    """The form of the sign-in page, sent after ``script`` has done something to it."""
    _sign_in(site, browser)
    browser.run(f"const form = document.querySelector('main form'); {script}")
    browser.submit("main form")


def _bad_form(site: Site, browser: Chromium) -> None:
    _changed(site, browser, "form.append(Object.assign(document.createElement('input'), {name: 'more'}))")


def _sign_up_closed(site: Site, browser: Chromium) -> None:
    site.auth.sign_up = "closed"
    _sign_up(site, browser)


def _not_taken(site: Site, browser: Chromium) -> None:
    _changed(site, browser, "form.action = '/account'")


def _too_large(site: Site, browser: Chromium) -> None:
    _changed(site, browser, "form.email.type = 'text'; form.email.value = 'x'.repeat(70_000)")


def _other_kind(site: Site, browser: Chromium) -> None:
    _changed(site, browser, "form.enctype = 'multipart/form-data'")


def _wrong_host(site: Site, browser: Chromium) -> None:
    browser.go(f"{site.origin}/sign-in".replace(HOST, ALIAS))


def _broken(site: Site, browser: Chromium) -> None:
    signed_in(site, browser)
    site.breaks(OSError("disk on fire"))
    browser.go(f"{site.origin}/account")


def _not_available(site: Site, browser: Chromium) -> None:
    signed_in(site, browser)
    site.breaks(StoreUnavailable("no answer"))
    browser.go(f"{site.origin}/account")


def _demo(site: Site, browser: Chromium) -> None:
    directory = Path("/srv/admit/var")
    settings = load(store="memory://", issuer=site.origin, metrics_port=9_000)
    demo = Demo(
        (EMAIL, "admin@example.com"),
        directory / "passwords.json",
        chapters(settings, directory),
        "http://127.0.0.1:9000/metrics",
    )
    demo.furnish(site.app)
    browser.go(f"{site.origin}/")


def _demo_opened(site: Site, browser: Chromium) -> None:
    _demo(site, browser)
    for summary in browser.all("details:not([open]) summary"):
        summary.click()


def _demo_signed_in(site: Site, browser: Chromium) -> None:
    _demo(site, browser)
    signed_in(site, browser)
    browser.go(f"{site.origin}/")


def _links(site: Site, browser: Chromium) -> None:
    _demo_signed_in(site, browser)
    browser.follow("A page of an application")


def _links_settings(site: Site, browser: Chromium) -> None:
    _links(site, browser)
    browser.follow("One that asks for more")


def _lab(site: Site, browser: Chromium) -> None:
    _demo(site, browser)
    browser.follow("Open the live lab")
    pressed(browser, "sign-in", "steal", "disable", "request")


PAGES: dict[str, State] = {
    "sign-in": _sign_in,
    "sign-in-refused": _sign_in_refused,
    "sign-in-empty": _sent(_sign_in, "Sign in"),
    "sign-in-throttled": _sign_in_throttled,
    "sign-up": _sign_up,
    "sign-up-refused": _sent(_sign_up, "Create account", email="nobody", password="short", password_again="other"),
    "account": _account,
    "account-with-devices": _account_with_devices,
    "activity": _signed_in_at("/account/activity", LONG),
    "password": _password,
    "password-refused": _sent(
        _password, "Change password", current_password="not this one", new_password="short", password_again="short"
    ),
    "keys": _keys,
    "key-new": _new_key,
    "key-refused": _sent(_new_key, "Make the key", scope="everything there is"),
    "key-made": _key_made,
    "confirm": _signed_in_at("/confirm", LONG),
    "sign-out": _at("/sign-out"),
    "signed-out": _signed_out,
    "demo": _demo,
    "demo-opened": _demo_opened,
    "demo-signed-in": _demo_signed_in,
    "demo-links": _links,
    "demo-settings": _links_settings,
    "demo-lab": _lab,
    "error-400": _bad_form,
    "error-401": _stale_ticket,
    "error-403": _cross_origin,
    "error-403-closed": _sign_up_closed,
    "error-404": _at("/nothing"),
    "error-405": _not_taken,
    "error-413": _too_large,
    "error-415": _other_kind,
    "error-421": _wrong_host,
    "error-500": _broken,
    "error-503": _not_available,
}
