"""One server with four workers for all tests here that do not break it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from server.fleet import OPEN_DOORS, Fleet, lent, shared


@pytest.fixture(scope="session")
def four_workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    yield from shared(tmp_path_factory.mktemp("fleet"), OPEN_DOORS)


@pytest.fixture
def fleet(four_workers: Fleet) -> Iterator[Fleet]:
    yield from lent(four_workers)
