"""The Redis that a run of tests shares, a Valkey where there is one, and stores in databases of their own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from engines import SERVERS, shared
from opened import store
from redises import Cluster, Engine, cluster

__all__ = ["engine", "nodes", "store"]


@pytest.fixture(scope="session", params=[kind for kind in SERVERS if kind != "postgresql"])
def engine(request: pytest.FixtureRequest) -> Engine:
    """A server that goes on from test to test: what fails it, starts one of its own."""
    found = shared(request.param)
    assert isinstance(found, Engine)
    return found


@pytest.fixture(scope="session")
def nodes() -> Iterator[Cluster]:
    """Three primaries with a replica each."""
    with cluster() as found:
        yield found
