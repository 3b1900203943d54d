"""A store in Redis is filled anew beneath a running server, and shares an authority with one for accounts."""

from __future__ import annotations

from pathlib import Path

import pytest

from admit.errors import LostHistory
from admit.stores import open_store
from admit.stores.memory import MemoryStore
from moves import SECRET, People, exported, imported
from processes.acts import accepted, authority
from redises import Engine
from two_stores import DEEDS, Deed, Two, by_a_sign_in, by_a_start, change, delete, dies_at_each_commit

BOUND = 1.0


async def test_a_server_beneath_which_a_backup_was_put_back_admits_nobody(engine: Engine) -> None:
    url = engine.database()
    async with authority(url, secret=SECRET, max_staleness=BOUND) as auth:
        people = await People.arrive(auth)
        store = open_store(url)
        backup = await exported(store)
        await auth.revoke(people.kept.session)
        assert await accepted(auth, people.kept) == []
        engine.run("-n", url.rpartition("/")[2], "FLUSHDB")
        await imported(backup, store)
        await store.close()
        await people.until(auth, lambda said: isinstance(said, LostHistory))
        with pytest.raises(LostHistory, match="admit restore"):
            await auth.sessions.get(people.kept.session.id)
    async with authority(url, secret=SECRET, on_lost_history="accept") as auth:
        await auth.restore()
    async with authority(url, secret=SECRET) as auth:
        await people.begin_anew(auth)


@pytest.mark.parametrize("deed", [change, delete])
async def test_accounts_beside_redis_are_told_of_in_it(engine: Engine, tmp_path: Path, deed: Deed) -> None:
    numbers = iter(range(100))

    def make() -> Two:
        return Two(open_store(engine.database()), open_store(f"sqlite:///{tmp_path}/{next(numbers)}.db"))

    await dies_at_each_commit(make, deed, by_a_start, last=True)


async def test_accounts_in_redis_are_told_of_elsewhere(engine: Engine) -> None:
    for deed in DEEDS:
        await dies_at_each_commit(
            lambda: Two(MemoryStore(), open_store(engine.database())), deed, by_a_sign_in, last=False
        )
