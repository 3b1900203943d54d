"""One server with four workers for all tests here that do not break it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from server.fleet import OPEN_DOORS, WORKERS, Fleet, serving, settings


@pytest.fixture(scope="session")
def four_workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    directory = tmp_path_factory.mktemp("fleet")
    with serving(directory, WORKERS, "--config", str(settings(directory, OPEN_DOORS))) as fleet:
        yield fleet


@pytest.fixture
def fleet(four_workers: Fleet) -> Iterator[Fleet]:
    """Theirs; connections that a test has opened are closed after it."""
    yield four_workers
    four_workers.hang_up()
