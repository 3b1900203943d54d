"""The PostgreSQL that a run of tests shares, and stores in databases of their own."""

from __future__ import annotations

import pytest

from engines import shared
from opened import store
from postgres import Engine

__all__ = ["engine", "store"]


@pytest.fixture(scope="session")
def engine() -> Engine:
    """A server that goes on from test to test: what fails it, starts one of its own."""
    found = shared("postgresql")
    assert isinstance(found, Engine)
    return found
