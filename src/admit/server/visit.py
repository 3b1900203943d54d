"""The browser's part of the tour: what a person meets at the pages, and what another site does not get done there."""

from __future__ import annotations

import time
from collections.abc import Mapping

from admit.core.cookie import CookieRule
from admit.server.browser import Browser
from admit.server.client import Answer
from admit.server.story import Check, Story

COOKIE = CookieRule(secure=False).name
"""The session cookie of a server on plain http, which is for this machine only."""

_DESKTOP = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
_PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 Version/18.5 Mobile/15E148 Safari/604.1"

# What browsers say of a form that another page sends.
_OTHERS = {
    "another site": {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
    "a sibling of the site": {"Sec-Fetch-Site": "same-site", "Origin": "https://other.example.com"},
    "another site, by an old browser": {"Origin": "https://evil.example"},
}


class Visit:
    """What happens at the pages to whoever has the account of ``email``, on a desktop and on a phone."""

    def __init__(self, story: Story, email: str, password: str) -> None:
        self._story = story
        self._typed = {"email": email, "password": password}
        self._desktop, self._phone = Browser(story.port, _DESKTOP), Browser(story.port, _PHONE)
        self._is_hers = _shows(email)
        self._since = 0.0

    def sign_in(self) -> None:
        """By the form, for a cookie that the jar keeps as browsers do."""
        self._story.chapter = "a browser: sign in by form"
        self._open(self._desktop, "who is not signed in is led to the form", "/account", 303, to="/sign-in")
        self._open(self._desktop, "the page has the form", "/sign-in", 200, check=_has("/sign-in"))
        wrong = self._typed | {"password": "not this one"}
        self._send(self._desktop, "a wrong password: the form again", "/sign-in", 401, wrong, check=_has("/sign-in"))
        for browser, device in ((self._desktop, "on a desktop"), (self._phone, "on a phone")):
            self._send(browser, f"Ann signs in {device}, and goes on", "/sign-in", 303, self._typed, to="/account")
        self._since = time.monotonic()
        self._look_at_the_cookie()
        seen = _shows(self._typed["email"], "Firefox on Linux", "Safari on iOS")
        self._open(self._desktop, "her account, with both devices", "/account", 200, check=seen)

    def meet_other_sites(self) -> None:
        """A form that another page sends has our cookie, and nothing comes of it."""
        self._story.chapter = "a browser: forms of other sites"
        for who, headers in _OTHERS.items():
            for path, form in (("/sign-out", {}), ("/sign-in", self._typed)):
                # A copy: what is not refused must not change what the story goes on with.
                copied = self._desktop.copy()
                self._send(copied, f"sent by {who}: refused", path, 403, form, sender=headers)
        self._open(self._desktop, "Ann is still signed in", "/account", 200, check=self._is_hers)

    def end_a_device(self, aged: float) -> None:
        """Who signed in ``aged`` seconds ago proves himself once more, and then may."""
        self._story.chapter = "a browser: end another device"
        time.sleep(max(0, self._since + aged - time.monotonic()))
        _, _, listed = self._desktop.go("/account").text.partition("Safari on iOS")
        _, _, value = listed.partition('name="device" value="')
        device = {"device": value.partition('"')[0]}
        end, confirm = "/account/sign-out-device", "/confirm"
        self._send(self._desktop, "signed in a while ago: asked to confirm", end, 303, device, to=confirm)
        self._open(self._phone, "the phone is still signed in", "/account", 200, check=self._is_hers)
        wrong = {"password": "not this one"}
        self._send(self._desktop, "a wrong password confirms nothing", confirm, 401, wrong, check=_has(confirm))
        copied = self._desktop.copy()
        right = {"password": self._typed["password"]}
        self._send(self._desktop, "the right one does", confirm, 303, right, to="/account")
        self._send(self._desktop, "now she may end the phone", end, 303, device, to="/account?done=device")
        self._open(copied, "a copy of the cookie of before is refused", "/account", 303, to="/sign-in")
        self._open(self._phone, "the phone is out, at once", "/account", 303, to="/sign-in")
        self._open(self._desktop, "the desktop is not", "/account", 200, check=_shows("Firefox on Linux"))

    def sign_out(self) -> None:
        """On the server and in the browser."""
        self._story.chapter = "a browser: sign out"
        copied = self._desktop.copy()
        self._send(self._desktop, "Ann signs out by the button", "/sign-out", 303, to="/sign-in?done=signed-out")
        left = COOKIE in self._desktop.cookies
        self._story.see("the jar has forgotten it", f"cookie {COOKIE}", "there" if left else "gone", holds=not left)
        self._open(copied, "a copy of the cookie is refused", "/account", 303, to="/sign-in")

    def _look_at_the_cookie(self) -> None:
        """What no script can read (HttpOnly), no other site sends along with a form (SameSite), and no host shares."""
        cookie = self._desktop.cookies.get(COOKIE)
        if cookie is None:
            self._story.see("the cookie is in the jar", f"cookie {COOKIE}", "none", holds=False)
            return
        rules = {
            "no script can read it": ("HttpOnly", cookie.has_nonstandard_attr("HttpOnly")),
            "no form of another site brings it": ("SameSite=Lax", cookie.get_nonstandard_attr("SameSite") == "Lax"),
            "no other host gets it": ("no Domain", not cookie.domain_specified),
            "plain http, and its name says so; over https: __Host-admit, Secure": (
                "not Secure",
                not cookie.secure and cookie.name.endswith("-insecure"),
            ),
        }
        for promised, (rule, holds) in rules.items():
            self._story.see(promised, f"cookie {COOKIE}", rule if holds else f"it lacks: {rule}", holds=holds)

    def _open(
        self, browser: Browser, promised: str, path: str, status: int, *, to: str = "", check: Check = lambda _: True
    ) -> None:
        self._story.step(promised, f"GET {path}", lambda: browser.go(path), status, _leads(to, check))

    def _send(
        self,
        browser: Browser,
        promised: str,
        path: str,
        status: int,
        form: Mapping[str, str] = {},
        *,
        to: str = "",
        sender: Mapping[str, str] | None = None,
        check: Check = lambda _: True,
    ) -> None:
        self._story.step(
            promised, f"POST {path}", lambda: browser.submit(path, form, sender), status, _leads(to, check)
        )


def _leads(to: str, check: Check) -> Check:
    return lambda answer: answer.location == to and check(answer)


def _has(action: str) -> Check:
    """Whether a page has the form that is sent to ``action``."""
    return _shows(f'<form method="post" action="{action}"')


def _shows(*texts: str) -> Check:
    def shown(answer: Answer) -> bool:
        # Between the parts of an address a page may break the line.
        text = answer.text.replace("<wbr>", "")
        return all(one in text for one in texts)

    return shown
