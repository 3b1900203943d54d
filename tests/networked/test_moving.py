"""Everything moves to a database server and away from it: what was good goes on, what was over is over."""

from __future__ import annotations

from pathlib import Path

from admit.stores import open_store
from engines import Engine
from moves import SECRET, People, exported, imported
from processes.acts import EVERY, accepted, authority, sign_in


async def test_from_sqlite_to_a_server_and_back_everything_goes_on(engine: Engine, tmp_path: Path) -> None:
    first = f"sqlite:///{tmp_path / 'first.db'}"
    async with authority(first, secret=SECRET) as auth:
        people = await People.arrive(auth)
    url, last = engine.database(), f"sqlite:///{tmp_path / 'last.db'}"
    for here, there in ((first, url), (url, last)):
        stores = open_store(here), open_store(there)
        await imported(await exported(stores[0]), stores[1])
        for store in stores:
            await store.close()
        async with authority(there, secret=SECRET) as auth:
            assert await accepted(auth, people.revoked) == []
            assert await accepted(auth, await sign_in(auth)) == EVERY
    async with authority(last, secret=SECRET) as auth:
        await people.go_on(auth)
