"""What holds for every database server, tried on each: one that all tests share, and stores in databases of their own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from engines import OWN, SERVERS, Engine, shared
from opened import store

__all__ = ["engine", "own", "store"]


@pytest.fixture(scope="session", params=SERVERS)
def engine(request: pytest.FixtureRequest) -> Engine:
    """A server that goes on from test to test."""
    return shared(request.param)


@pytest.fixture(scope="module", params=SERVERS)
def own(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """A server that the tests of a file may fail."""
    with OWN[request.param]() as found:
        yield found
