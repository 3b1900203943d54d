"""One PostgreSQL for all tests of this folder, and stores in databases of their own."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from admit.core.store import Store
from admit.stores import open_store
from engines import shared_postgres
from postgres import Engine


@pytest.fixture(scope="session")
def engine() -> Engine:
    """A server that goes on from test to test: what fails it, starts one of its own."""
    return shared_postgres()


@pytest.fixture
async def store(engine: Engine) -> AsyncIterator[Store]:
    """An open store in a new database."""
    found = open_store(engine.database())
    await found.open()
    yield found
    await found.close()
