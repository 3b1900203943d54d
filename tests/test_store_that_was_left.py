"""What a store holds was moved to another: whoever still serves the old one lets nobody in, and says what to do."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

import engines
from admit import moving
from admit.core.log import Moved, decode
from admit.core.store import REVOCATIONS
from admit.errors import BadInput, LostHistory, StoreUnavailable
from admit.ledger import TERM
from admit.stores import open_store
from admit.system import SystemClock, chance
from moves import SECRET, People, exported, imported
from processes.acts import EVERY, accepted, authority, sign_in

BOUND = 1.0


@pytest.fixture(params=["sqlite", *engines.SERVERS])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'old.db'}" if request.param == "sqlite" else engines.fresh(request.param)


async def left(url: str) -> bytes:
    """The export of a store that nobody serves from then on."""
    store = open_store(url)
    await store.open()
    try:
        await moving.leave(store, SystemClock(), chance)
        await moving.leave(store, SystemClock(), chance)
        return await exported(store)
    finally:
        await store.close()


async def test_who_still_serves_it_lets_nobody_in_and_says_what_to_do(url: str) -> None:
    async with authority(url, secret=SECRET, max_staleness=BOUND) as auth:
        people = await People.arrive(auth)
        assert await accepted(auth, people.kept) == EVERY
        await left(url)
        if not url.startswith("sqlite"):
            await asyncio.sleep(BOUND * 1.01)
        for request in people.kept.requests().values():
            with pytest.raises(LostHistory, match=r"moved to another store.*admit restore"):
                await auth.admit(request)
        with pytest.raises(LostHistory, match="moved"):
            auth.verify(people.kept.pair.access_token)
        for act in (auth.revoke(people.kept.session), auth.check(), auth.feed().page(None, 0)):
            with pytest.raises(LostHistory, match="moved"):
                await act


@pytest.mark.parametrize("policy", ["stop", "accept", "end everything"])
async def test_nobody_starts_on_it_whatever_he_does_with_a_history_that_was_lost(url: str, policy: str) -> None:
    async with authority(url, secret=SECRET) as auth:
        await auth.check()
    await left(url)
    with pytest.raises(StoreUnavailable, match=r"moved to another store.*admit restore"):
        async with authority(url, secret=SECRET, on_lost_history=policy):
            pass


async def test_where_it_went_everything_goes_on_and_may_be_moved_again(url: str, tmp_path: Path) -> None:
    there, further = (f"sqlite:///{tmp_path / name}" for name in ("there.db", "further.db"))
    async with authority(url, secret=SECRET) as auth:
        people = await People.arrive(auth)
    for before, behind in ((url, there), (there, further)):
        file, store = await left(before), open_store(behind)
        await imported(file, store)
        entries = (await store.log(REVOCATIONS, None)).entries
        assert not any(isinstance(decode(entry), Moved) for entry in entries)
        await store.close()
    async with authority(further, secret=SECRET) as auth:
        await people.go_on(auth)


async def test_a_restore_takes_the_mark_away_and_signs_everybody_out(url: str) -> None:
    async with authority(url, secret=SECRET) as auth:
        people = await People.arrive(auth)
    await left(url)
    restoring = authority(url, secret=SECRET)
    await restoring.restore()
    await restoring.close()
    async with authority(url, secret=SECRET, max_staleness=BOUND) as auth, authority(url, secret=SECRET) as other:
        await people.begin_anew(auth)
        held = await sign_in(auth)
        assert await accepted(other, held) == EVERY
        other._copy.start_over()  # as after a clock that was set back: the mark is read again
        assert await accepted(other, held) == EVERY


async def test_what_nobody_ever_served_cannot_be_left(url: str) -> None:
    with pytest.raises(BadInput, match="nothing"):
        await left(url)
    store = open_store(url)
    await store.open()
    assert await store.get(TERM) == [None]
    await store.close()
