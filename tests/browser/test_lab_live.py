"""The live lab, driven by keyboard alone: what each lane does with a thief, and how the page tells of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.wait import WebDriverWait

from admit.lab.live.routes import furnish
from browser.chromium import Chromium
from browser.site import Site

LIFETIME = 12.0
"""Seconds of an access token: time enough for three keys, on any machine."""

PATIENCE = 60


class Keyboard:
    """Hands that never leave the keyboard."""

    def __init__(self, browser: Chromium) -> None:
        self._browser = browser

    def press(self, *keys: str) -> None:
        ActionChains(self._browser.driver).send_keys(*keys).perform()

    def go_to(self, selector: str) -> None:
        """Tab on until ``selector`` has the focus, and shows that it has."""
        for _ in range(60):
            if self._browser.run(f"return document.activeElement.matches({selector!r})"):
                break
            self.press(Keys.TAB)
        else:
            pytest.fail(f"no way to {selector} by Tab")
        assert self._browser.run("return document.activeElement.matches(':focus-visible')")

    def act(self, name: str) -> None:
        """Press the button ``name``; the page says by itself what came of it, and the focus stays."""
        self.go_to(f"[data-act={name}]")
        self.press(Keys.ENTER)
        assert self._browser.ask("queue") is None
        assert self._browser.run(f"return document.activeElement.matches('[data-act={name}]')")


@pytest.fixture
def keyboard(site: Site, browser: Chromium) -> Keyboard:
    furnish(site.app, lifetime=LIFETIME)
    browser.go(f"{site.origin}/lab")
    until(browser, lambda: bool(browser.run("return lab !== null")))
    return Keyboard(browser)


def until(browser: Chromium, holds: Callable[[], bool]) -> None:
    WebDriverWait(browser.driver, PATIENCE, poll_frequency=0.2).until(lambda _: holds())


def shown(browser: Chromium, lane: str, part: str) -> str:
    return browser.find(f"#{lane} [data-part={part}]").text


def fates(browser: Chromium, lane: str) -> set[str]:
    """What the servers of a lane say to the copy, as it stands beside their rows."""
    return {one.text for one in browser.all(f"#{lane} [data-part=fate]")}


def test_a_token_lets_the_thief_in_until_it_expires_and_a_session_does_not(
    keyboard: Keyboard, browser: Chromium
) -> None:
    browser.width(1280)
    keyboard.act("sign-in")
    assert "expires in" in shown(browser, "token", "kept")
    keyboard.act("steal")
    assert fates(browser, "session") == fates(browser, "token") == {"let in"}
    keyboard.act("disable")
    assert fates(browser, "session") == {"refused"}
    told = browser.find("#told").get_attribute("textContent")
    assert told is not None
    assert told.startswith("Session: The record was taken out")
    assert "Token: Nothing was written down" in told
    # The page goes on to ask by itself, and says so too when the lane has come to its end.
    until(browser, lambda: fates(browser, "token") == {"refused"})
    assert "times until then" in shown(browser, "token", "means")
    assert browser.all("#token .verdict.bad")
    assert browser.all("#session .verdict.good")
    said = browser.find("#told").get_attribute("textContent")
    assert said is not None
    assert said.startswith("Token:")
    assert "times until then" in said
    assert "expired" in shown(browser, "token", "kept")
    assert browser.complaints() == []


def test_the_leased_token_is_refused_at_once_at_ten_servers(keyboard: Keyboard, browser: Chromium) -> None:
    browser.width(1280)
    keyboard.go_to("[type=range]")
    keyboard.press(Keys.END)
    until(browser, lambda: len(browser.all("#token tbody tr")) == 10)
    keyboard.go_to("[name=token]")
    keyboard.press(Keys.ARROW_LEFT)  # from the first round to the last
    until(browser, lambda: shown(browser, "token", "title").startswith("Admit"))
    browser.go(browser.driver.current_url)  # and so it stays, also for who loads the page again
    until(browser, lambda: shown(browser, "token", "title").startswith("Admit"))
    for act in ("sign-in", "request", "steal", "disable"):
        keyboard.act(act)
    assert fates(browser, "token") == fates(browser, "session") == {"refused"}
    assert browser.all("#token .verdict.good")
    keyboard.act("request")
    message = browser.find("#token .messages details[open]")
    assert "401 Unauthorized" in message.text
    requests, reads = (
        sum(int(one.text) for one in browser.all(f"#token [data-part={part}]")) for part in ("requests", "operations")
    )
    assert 0 < reads < requests
    browser.width(390)  # where the lanes are one below the other
    assert browser.find("[data-score=token]").text == shown(browser, "token", "figure")
    assert browser.complaints() == []


def test_whom_the_lab_has_forgotten_it_tells_so(keyboard: Keyboard, browser: Chromium, site: Site) -> None:
    browser.driver.delete_all_cookies()
    browser.run("look()")
    until(browser, lambda: "has forgotten you" in browser.find("#trouble").text)
    keyboard.act("start-over")
    assert not browser.find("#trouble").is_displayed()
