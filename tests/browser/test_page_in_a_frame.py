"""A page of ours lies invisible in a frame under something worth clicking (XSS-09)."""

from __future__ import annotations

import pytest

from browser.chromium import Chromium
from browser.gallery import signed_in
from browser.site import EVIL, SIBLING, Site

PATHS = ("/sign-in", "/sign-up", "/account", "/account/password", "/confirm", "/sign-out", "/nothing")


@pytest.mark.parametrize("host", [EVIL, SIBLING])
def test_no_page_shows_in_a_frame(host: str, site: Site, browser: Chromium) -> None:
    signed_in(site, browser)
    for path in PATHS:
        browser.go(site.other(host, f'<iframe src="{site.origin}{path}"></iframe>', path))
        assert any("frame-ancestors" in line for line in browser.complaints()), path
        browser.driver.switch_to.frame(0)
        assert not browser.all("form, main, .brand"), path
        browser.driver.switch_to.default_content()
