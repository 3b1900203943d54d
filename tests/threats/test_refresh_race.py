"""One refresh token is spent many times at once, and more than one line lives on (TOK-04).

Between reading that a token is unspent and writing that it is spent there is room for nineteen others; each that
gets through begins a line of its own, and reuse is never noticed again. The opposite fault is as common: a double
click, two tabs or a lost answer sign the honest client out.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from admit.errors import Denied, Replayed, Revoked
from admit.tokens import Pair
from counts import times
from worlds import KINDS, NO_GRACE, World, authority, with_token, world

GRACE = 10.0


@pytest.fixture(params=KINDS)
async def here(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    async with world(request.param, tmp_path) as found:
        found.store.interleave()
        yield found


async def test_twenty_parallel_spends_leave_one_successor_and_no_signed_out_client(here: World) -> None:
    async with authority(here.store, here.clock) as another:
        pair = await here.auth.tokens.issue((await here.sign_in()).session)
        for _ in range(times("spends")):
            spends = [auth.tokens.refresh(pair.refresh_token) for auth in (here.auth, another) for _ in range(10)]
            pairs = await asyncio.gather(*spends)
            [successor] = {one.refresh_token for one in pairs}
            assert successor != pair.refresh_token
            assert all([await here.works(with_token(one.access_token)) for one in pairs])
            pair = pairs[0]
            here.clock.advance(GRACE)


async def test_two_rotations_and_a_late_tab_within_the_grace_sign_nobody_out(here: World) -> None:
    first = await here.auth.tokens.issue((await here.sign_in()).session)
    here.clock.advance(600)
    once = await here.auth.tokens.refresh(first.refresh_token)
    here.clock.advance(1)
    twice = await here.auth.tokens.refresh(once.refresh_token)
    here.clock.advance(GRACE - 1.1)
    late = await here.auth.tokens.refresh(first.refresh_token)
    assert once.refresh_token == twice.refresh_token == late.refresh_token
    here.clock.advance(GRACE)
    assert await here.refreshes(late.refresh_token)


async def test_a_refresh_does_not_bring_back_a_session_that_was_ended_while_it_was_read(here: World) -> None:
    here.store.before.clear()
    started = await here.sign_in()
    pair = await here.auth.tokens.issue(started.session)
    with (
        here.store.once(here.store.before, "commit", lambda: here.auth.revoke(started.session)),
        pytest.raises(Revoked),
    ):
        await here.auth.tokens.refresh(pair.refresh_token)
    assert await here.store.get(here.auth.sessions.key(started.session.id)) == [None]


async def test_without_a_grace_one_at_most_succeeds_and_nothing_is_left_alive(tmp_path: Path) -> None:
    async with world("sqlite", tmp_path, tokens=NO_GRACE) as here:
        here.store.interleave()
        pair = await here.auth.tokens.issue((await here.sign_in()).session)
        spends = (here.auth.tokens.refresh(pair.refresh_token) for _ in range(20))
        answers = await asyncio.gather(*spends, return_exceptions=True)
        pairs = [answer for answer in answers if isinstance(answer, Pair)]
        assert len(pairs) == 1
        assert sum(isinstance(answer, Replayed) for answer in answers) == 1
        assert all(isinstance(answer, Denied) for answer in answers if answer not in pairs)
        assert not await here.refreshes(pairs[0].refresh_token)
        assert not await here.works(with_token(pairs[0].access_token))


async def test_reuse_and_rotation_at_once_leave_nothing_alive(here: World) -> None:
    first = await here.auth.tokens.issue((await here.sign_in()).session)
    second = await here.auth.tokens.refresh(first.refresh_token)
    here.clock.advance(GRACE)
    answers = await asyncio.gather(
        *(here.auth.tokens.refresh(text) for text in (second.refresh_token, first.refresh_token) * 5),
        return_exceptions=True,
    )
    assert any(isinstance(answer, Replayed) for answer in answers)
    for answer in answers:
        if isinstance(answer, Pair):
            assert not await here.refreshes(answer.refresh_token)
            assert not await here.works(with_token(answer.access_token))
        else:
            assert isinstance(answer, Denied)
