"""A store in a Redis Cluster: partitioned by home, with a log of each, and the same contract."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Iterator

import pytest

from admit.core.store import Store
from admit.stores import open_store
from admit.testing import StoreContract
from admit.testing.contract import Make
from redises import Cluster, cluster


@pytest.fixture(scope="session")
def nodes() -> Iterator[Cluster]:
    """Three primaries with a replica each."""
    with cluster() as found:
        yield found


@pytest.fixture
async def store(nodes: Cluster) -> AsyncIterator[Store]:
    found = open_store(nodes.url(f"?prefix={secrets.token_hex(4)}:"))
    await found.open()
    yield found
    await found.close()


class TestRedisCluster(StoreContract):
    @pytest.fixture
    def make(self, nodes: Cluster) -> Make:
        return lambda: open_store(nodes.url(f"?prefix={secrets.token_hex(4)}:"))
