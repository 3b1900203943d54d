"""What every page has to be, in each view of it: without what axe calls serious, no wider than its window, kept as a picture."""

from __future__ import annotations

from pathlib import Path

from browser.chromium import Chromium
from counts import times

PICTURES = Path(__file__).parents[2] / "build" / "screenshots"
AXE = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"
VIEWS = (("light", 390), ("dark", 1_280), ("dark", 390), ("light", 1_280))[: times("views of each page")]
SERIOUS = ("serious", "critical")


def judge(browser: Chromium, name: str, *, passes: int = 10) -> None:
    """Judge the page that ``browser`` shows, of which axe has to like more than ``passes`` things. Raises AssertionError."""
    browser.run(AXE.read_text())
    for theme, width in VIEWS:
        browser.theme(theme)
        browser.width(width)
        browser.screenshot(PICTURES / f"{name}-{width}-{theme}.png")
        assert browser.run("return document.documentElement.scrollWidth") <= width
        judged = browser.ask("axe.run()")
        assert len(judged["passes"]) > passes
        assert [(it["id"], it["nodes"][0]["html"]) for it in judged["violations"] if it["impact"] in SERIOUS] == []
