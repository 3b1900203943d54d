"""Every page, light on a phone and dark on a desktop, or in all four views: kept as pictures, and judged by axe."""

from __future__ import annotations

import pytest

from browser.chromium import Chromium
from browser.gallery import PAGES
from browser.judge import judge
from browser.site import Site


@pytest.mark.parametrize("page", PAGES)
def test_the_page_is_accessible_and_fits(page: str, site: Site, browser: Chromium) -> None:
    PAGES[page](site, browser)
    if page.startswith("error-"):
        # It is the refusal that it is called after, and no other that looks alike.
        assert browser.find(".status").text == f"Error {page.split('-')[1]}"
    judge(browser, page)
