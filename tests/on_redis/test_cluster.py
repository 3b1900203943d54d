"""A store in a Redis Cluster: partitioned by home, with a log of each, and the same contract."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest

from admit.stores import open_store
from admit.stores.memory import MemoryStore
from admit.testing import StoreContract
from admit.testing.contract import Make
from moves import SECRET, People, exported, imported
from processes.acts import EVERY, accepted, authority, sign_in
from redises import Cluster
from two_stores import Two, by_a_start, change, dies_at_each_commit


class TestRedisCluster(StoreContract):
    @pytest.fixture
    def make(self, nodes: Cluster) -> Make:
        return lambda: open_store(nodes.url(f"?replicas=1&prefix={secrets.token_hex(4)}:"))


async def test_sessions_move_into_a_cluster_with_the_accounts_beside_it_and_out_again(
    nodes: Cluster, tmp_path: Path
) -> None:
    accounts = f"sqlite:///{tmp_path / 'accounts.db'}"
    url = nodes.url(f"?prefix={secrets.token_hex(4)}:")
    async with authority(accounts, secret=SECRET) as auth:
        people = await People.arrive(auth)
    one, beside = open_store(accounts), open_store(f"sqlite:///{tmp_path / 'beside.db'}")
    store, end = open_store(url), MemoryStore()
    await imported(await exported(one), store, beside)
    await imported(await exported(store, beside), end)
    for each in (one, store, beside):
        await each.close()
    async with authority(url, accounts_store=f"sqlite:///{tmp_path / 'beside.db'}", secret=SECRET) as auth:
        assert await accepted(auth, people.revoked) == []
        assert await accepted(auth, await sign_in(auth)) == EVERY
    async with authority(end, secret=SECRET) as auth:
        await people.go_on(auth)


async def test_accounts_beside_a_cluster_are_told_of_in_it(nodes: Cluster, tmp_path: Path) -> None:
    def make() -> Two:
        name = secrets.token_hex(4)
        return Two(open_store(nodes.url(f"?prefix={name}:")), open_store(f"sqlite:///{tmp_path}/{name}.db"))

    await dies_at_each_commit(make, change, by_a_start, last=True)
