"""One Redis, and one Valkey where there is one, for all tests of this folder, and stores in databases of their own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from admit.core.store import Store
from admit.stores import open_store
from redises import PROGRAMS, Cluster, Engine, cluster, redis


@pytest.fixture(scope="session", params=PROGRAMS)
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """A server that goes on from test to test: what fails it, starts one of its own."""
    with redis(program=request.param) as found:
        yield found


@pytest.fixture
async def store(engine: Engine) -> AsyncIterator[Store]:
    """An open store in a database that nobody has used."""
    found = open_store(engine.database())
    await found.open()
    yield found
    await found.close()


@pytest.fixture(scope="session")
def nodes() -> Iterator[Cluster]:
    """Three primaries with a replica each."""
    with cluster() as found:
        yield found
