"""Sites and a browser for each test; one Chromium for all of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from browser.chromium import Chromium, chromium
from browser.site import Site, Web, served


@pytest.fixture(scope="session")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    with served(tmp_path_factory.mktemp("tls")) as found:
        yield found


@pytest.fixture
def site(web: Web) -> Iterator[Site]:
    with web.site() as here:
        yield here


@pytest.fixture(scope="session")
def one_browser(web: Web) -> Iterator[Chromium]:
    with chromium() as found:
        yield found


@pytest.fixture
def browser(one_browser: Chromium) -> Chromium:
    one_browser.anew()
    return one_browser
