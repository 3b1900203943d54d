"""Every page, on a phone and on a desktop, light and dark: kept as pictures, and judged by axe."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest

from browser.chromium import Chromium
from browser.gallery import PAGES
from browser.site import Site

ROOT = Path(__file__).parents[2]
PICTURES = ROOT / "build" / "screenshots"
AXE = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"
WIDTHS = (390, 1280)
THEMES = ("light", "dark")
SERIOUS = ("serious", "critical")


@pytest.mark.parametrize("page", PAGES)
def test_the_page_is_accessible_and_fits(page: str, site: Site, browser: Chromium) -> None:
    axe = AXE.read_text()
    PAGES[page](site, browser)
    if page.startswith("error-"):
        # It is the refusal that it is called after, and no other that looks alike.
        assert browser.find(".status").text == f"Error {page.split('-')[1]}"
    browser.run(axe)
    for theme, width in product(THEMES, WIDTHS):
        browser.theme(theme)
        browser.width(width)
        browser.screenshot(PICTURES / f"{page}-{width}-{theme}.png")
        assert browser.run("return document.documentElement.scrollWidth") <= width
        judged = browser.ask("axe.run()")
        assert len(judged["passes"]) > 10
        assert [(it["id"], it["nodes"][0]["html"]) for it in judged["violations"] if it["impact"] in SERIOUS] == []
