"""An open store in a database that nobody has used: a fixture for each folder that has an ``engine``."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from admit.core.store import Store
from admit.stores import open_store
from engines import Engine


@pytest.fixture
async def store(engine: Engine) -> AsyncIterator[Store]:
    """It is closed behind the test."""
    found = open_store(engine.database())
    await found.open()
    yield found
    await found.close()
