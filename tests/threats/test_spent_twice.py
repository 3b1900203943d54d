"""What may happen once happens twice, because looking and doing are two steps (OPS-08).

Twenty requests at once, each of which looks before any of them acts: every ticket, family, key and beginning is
tried with a store that lets all the others have a turn between the two. Races of several processes are elsewhere.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from admit.core.log import Began, decode
from admit.core.store import REVOCATIONS
from admit.errors import BadInput, Conflict, Replayed
from admit.testing.clock import FakeClock
from admit.tickets import Ticket
from admit.tokens import Pair
from counts import times
from worlds import KINDS, Watched, World, authority, made, with_token, world


@pytest.fixture(params=KINDS)
async def here(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    async with world(request.param, tmp_path) as found:
        found.store.interleave()
        yield found


async def test_a_ticket_has_one_taker(here: World) -> None:
    async with authority(here.store, here.clock) as another:
        for _ in range(times("spends")):
            text = await here.auth.tickets.mint("reset", 60, await here.auth.subjects.before("ann"))
            spends = [auth.tickets.spend(text, "reset") for auth in (here.auth, another) for _ in range(10)]
            answers = await asyncio.gather(*spends, return_exceptions=True)
            assert sum(isinstance(answer, Ticket) for answer in answers) == 1
            assert sum(isinstance(answer, Replayed) for answer in answers) == 19


async def test_a_session_begins_one_family(here: World) -> None:
    started = await here.sign_in()
    answers = await asyncio.gather(
        *(here.auth.tokens.issue(started.session) for _ in range(20)), return_exceptions=True
    )
    [pair] = [answer for answer in answers if isinstance(answer, Pair)]
    assert sum(isinstance(answer, Conflict) for answer in answers) == 19
    assert await here.refreshes(pair.refresh_token)


async def test_a_compromised_key_is_replaced_once(here: World) -> None:
    [current, following] = await here.auth.keys.list()
    answers = await asyncio.gather(*(here.auth.keys.revoke(current.kid) for _ in range(5)), return_exceptions=True)
    assert sum(isinstance(answer, BadInput) for answer in answers) == 4
    assert (await here.auth.keys.signing()).kid == following.kid


@pytest.mark.parametrize("kind", KINDS)
async def test_of_many_processes_that_open_a_new_store_one_begins_its_history_and_makes_its_keys(
    kind: str, tmp_path: Path
) -> None:
    store, clock = Watched(made(kind, tmp_path)), FakeClock()
    store.interleave()
    all = [authority(store, clock) for _ in range(5)]
    await asyncio.gather(*(auth.open() for auth in all))
    page = await store.log(REVOCATIONS, None)
    assert sum(isinstance(decode(line), Began) for line in page.entries) == 1
    assert len({auth.subjects._ledger.term for auth in all}) == 1
    assert len({(await auth.keys.signing()).kid for auth in all}) == 1
    started = await all[0].sessions.start((await all[0].subjects.before("ann")).proven("pwd"))
    token = await all[1].tokens.access(started.session)
    for auth in all:
        assert (await auth.admit(with_token(token))).subject == "ann"
    for auth in all:
        await auth.close()
