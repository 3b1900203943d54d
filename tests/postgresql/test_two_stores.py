"""Accounts in PostgreSQL and all else elsewhere, or the other way round: whoever dies between the two, it is finished."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest

from admit.stores import open_store
from admit.stores.memory import MemoryStore
from moves import SECRET, People, exported, imported
from postgres import Engine
from processes.acts import authority
from two_stores import DEEDS, Deed, Two, by_a_sign_in, by_a_start, change, delete, dies_at_each_commit


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("deed", DEEDS)
async def test_accounts_in_postgresql_are_told_of_in_a_partitioned_store(
    engine: Engine, deed: Deed, *, last: bool
) -> None:
    await dies_at_each_commit(
        lambda: Two(MemoryStore(partitioned=True), open_store(engine.database())), deed, by_a_start, last=last
    )


@pytest.mark.parametrize("deed", [change, delete])
async def test_accounts_beside_postgresql_are_told_of_in_it(engine: Engine, tmp_path: Path, deed: Deed) -> None:
    def make() -> Two:
        return Two(open_store(engine.database()), open_store(f"sqlite:///{tmp_path}/{secrets.token_hex(4)}.db"))

    await dies_at_each_commit(make, deed, by_a_sign_in, last=True)


async def test_accounts_are_moved_to_a_store_of_their_own_and_back(engine: Engine) -> None:
    one, end = MemoryStore(), MemoryStore()
    store, accounts = MemoryStore(partitioned=True), open_store(engine.database())
    async with authority(one, secret=SECRET) as auth:
        people = await People.arrive(auth)
        await imported(await exported(one), store, accounts)
        await imported(await exported(store, accounts), end)
    await accounts.close()
    async with authority(end, secret=SECRET) as auth:
        await people.go_on(auth)
