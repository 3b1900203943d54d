"""What holds for every database server, tried on each: one that all tests share, and stores in databases of their own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import nullcontext
from typing import TypeAlias

import pytest

import postgres
import redises
from admit.core.store import Store
from admit.stores import open_store
from engines import shared_postgres

Engine: TypeAlias = postgres.Engine | redises.Engine


@pytest.fixture(scope="session", params=["postgresql", "redis"])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """A server that goes on from test to test: what fails it, starts one of its own."""
    with nullcontext(shared_postgres()) if request.param == "postgresql" else redises.redis() as found:
        yield found


@pytest.fixture
async def store(engine: Engine) -> AsyncIterator[Store]:
    """An open store in a database that nobody has used."""
    found = open_store(engine.database())
    await found.open()
    yield found
    await found.close()
