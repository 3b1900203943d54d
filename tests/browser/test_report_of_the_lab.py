"""The report of the lab as somebody opens it: from a file, on a phone and on a desktop, with and without scripts."""

from __future__ import annotations

from pathlib import Path

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from admit.lab.advice import advise
from admit.lab.page import page
from admit.lab.questions import ORDINARY, Answers
from admit.lab.words import name
from browser.chromium import Chromium
from browser.judge import judge
from lab.made_up import report

REPORT = report(stores=("sqlite", "none"))


SMALLEST = """
const sizes = [...document.querySelectorAll('main *')].filter(it => it.getClientRects().length
  && [...it.childNodes].some(node => node.nodeType === 3 && node.data.trim())).map(it => {
    const drawn = it.closest('svg'), size = parseFloat(getComputedStyle(it).fontSize)
    return drawn ? size * drawn.getBoundingClientRect().width / drawn.viewBox.baseVal.width : size
  })
return Math.min(...sizes)
"""
"""The height of the smallest letters, in pixels of the page."""


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("lab") / "report.html"
    found.write_text(page(REPORT))
    return found


def test_the_report_is_accessible_fits_and_asks_for_nothing(file: Path, browser: Chromium) -> None:
    browser.go(file.as_uri())
    asked = [it["params"]["request"]["url"] for it in browser.events() if it["method"] == "Network.requestWillBeSent"]
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    browser.run("document.querySelectorAll('figure details').forEach(it => { it.open = true })")
    judge(browser, "lab-report", passes=20)
    browser.width(390)
    assert browser.run(SMALLEST) >= 11.99
    assert browser.complaints() == []


def test_answers_given_with_the_keyboard_change_the_advice(file: Path, browser: Chromium) -> None:
    browser.go(file.as_uri())
    first = advise(REPORT.lanes, ORDINARY).choice
    assert first
    assert browser.find("#choice").text == name(first)
    browser.find("[name=clients]:checked").send_keys(Keys.ARROW_RIGHT)
    now = advise(REPORT.lanes, Answers("apps", "seconds", "one", "no", "either"))
    assert now.choice
    assert browser.find("#choice").text == name(now.choice) != name(first)
    assert [line.text for line in browser.all("#why li")] == [" ".join(line.split()) for line in now.why]
    browser.find("[name=failure]:checked").send_keys(Keys.ARROW_LEFT)  # from the first to the last
    assert browser.find("#choice").text == "Nothing that was measured"


def test_without_scripts_the_advice_for_all_answers_is_there_to_read(file: Path, browser: Chromium) -> None:
    browser.scripts(run=False)
    browser.go(file.as_uri())
    assert not browser.find("#asked").is_displayed()
    browser.find("#advice details summary").send_keys(Keys.ENTER)
    cells = browser.all("#advice details tbody td")
    assert len(cells) == 216
    assert all(cell.text for cell in cells)
    row = browser.driver.find_element(By.XPATH, "//caption[starts-with(., 'Browsers')]/..//tbody/tr")
    assert row.find_element(By.TAG_NAME, "th").text.startswith("One machine · At once")
    chosen = advise(REPORT.lanes, Answers("browsers", "at once", "one", "no", "either")).choice
    assert chosen
    assert row.find_element(By.TAG_NAME, "td").text == name(chosen)
