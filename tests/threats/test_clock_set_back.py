"""A clock that is set back, or ahead, makes credentials that outlive their end (TOK-10).

A token signed by a machine that lives in the year 2030 would be good for years, and a revocation forgotten by a
clock that jumped ahead would let the token come back when it is set right.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from admit import TokenPolicy
from admit.core.jwt import MAX_LIFE
from admit.core.log import KEEP, LEAD
from admit.errors import BadCredential, Expired
from admit.gate import GONE
from worlds import KINDS, SHORT, World, authority, with_cookie, with_token, world

DAY = 86_400.0


@pytest.fixture(params=KINDS)
async def here(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    async with world(request.param, tmp_path, sessions=SHORT) as found:
        yield found


async def test_a_token_signed_by_a_clock_that_was_ahead_is_not_good_before_nor_after(here: World) -> None:
    started = await here.sign_in()
    here.clock.step_wall(600)
    token = await here.auth.tokens.access(started.session)
    assert await here.works(with_token(token))
    here.clock.step_wall(-600)
    async with authority(here.store.inner, here.clock) as fresh:
        for auth in (here.auth, fresh):
            with pytest.raises(BadCredential):
                await auth.admit(with_token(token))
        here.clock.advance(1_300)
        for auth in (here.auth, fresh):
            with pytest.raises(Expired):
                await auth.admit(with_token(token))


async def test_the_end_of_a_token_from_a_clock_that_led_is_remembered_until_it_is_over(here: World) -> None:
    here.clock.step_wall(LEAD)
    started = await here.sign_in()
    async with authority(here.store.inner, here.clock, tokens=TokenPolicy(access=MAX_LIFE)) as issuer:
        token = await issuer.tokens.access(started.session)
        here.clock.step_wall(-LEAD)
        await here.auth.revoke(started.session)
        for _ in range((MAX_LIFE + LEAD) // 60 + 3):
            here.clock.advance(60)
            with pytest.raises(BadCredential):
                await here.auth.admit(with_token(token))


async def test_a_token_from_a_year_ahead_is_not_good_for_a_year_where_it_was_seen(here: World) -> None:
    here.clock.step_wall(365 * DAY)
    token = await here.auth.tokens.access((await here.sign_in()).session)
    assert await here.works(with_token(token))
    here.clock.step_wall(-365 * DAY)
    here.clock.advance(1)
    for _ in range(3):
        assert not await here.works(with_token(token))
        here.clock.advance(KEEP)


@pytest.mark.parametrize("step", [-60.0, -DAY, 2 * KEEP, DAY])
async def test_no_step_of_the_wall_clock_revives_what_was_ended(here: World, step: float) -> None:
    started = await here.sign_in()
    token = await here.auth.tokens.access(started.session)
    async with authority(here.store.inner, here.clock) as another:
        for auth in (here.auth, another):
            await auth.admit(with_token(token))
            await auth.admit(with_cookie(started))
        await here.auth.revoke(started.session)
        for away in (0.0, step, -step):
            here.clock.step_wall(away)
            here.clock.advance(2)
            for auth in (here.auth, another):
                for request in (with_token(token), with_cookie(started)):
                    with pytest.raises(BadCredential):
                        await auth.admit(request)


async def test_a_clock_that_jumped_ahead_for_hours_and_was_set_right_has_not_made_it_forget(here: World) -> None:
    started = await here.sign_in()
    tokens = [await here.auth.tokens.access(started.session) for _ in range(2)]
    await here.auth.revoke(started.session)
    here.clock.step_wall(2 * KEEP)
    for _ in range(10):
        here.clock.advance(30)
        with pytest.raises(BadCredential):
            await here.by_token(tokens[0])
    here.clock.step_wall(-2 * KEEP)
    for token in tokens:
        with pytest.raises(BadCredential):
            await here.by_token(token)


async def test_what_was_forgotten_rightly_is_read_again_when_the_clock_falls(here: World) -> None:
    started = await here.sign_in()
    token = await here.auth.tokens.access(started.session)
    await here.auth.revoke(started.session)
    here.clock.advance(2 * KEEP)
    with pytest.raises(BadCredential):
        await here.by_token(token)
    assert len(here.auth.subjects._ledger.copy) == 0
    here.clock.step_wall(-2 * KEEP)
    with pytest.raises(BadCredential):
        await here.by_token(token)
    assert len(here.auth.subjects._ledger.copy) > 0


async def test_a_clock_set_back_gives_no_session_more_than_the_step(here: World) -> None:
    started = await here.sign_in()
    here.clock.advance(SHORT.idle)
    here.clock.step_wall(-SHORT.idle)
    assert await here.works(with_cookie(started))
    here.clock.advance(SHORT.absolute)
    assert not await here.works(with_cookie(started))


async def test_a_family_whose_clock_was_set_back_signs_nobody_out(here: World) -> None:
    first = await here.auth.tokens.issue((await here.sign_in()).session)
    second = await here.auth.tokens.refresh(first.refresh_token)
    here.clock.step_wall(-5)
    assert (await here.auth.tokens.refresh(first.refresh_token)).refresh_token == second.refresh_token
    assert (await here.auth.tokens.refresh(second.refresh_token)).refresh_token == second.refresh_token


async def test_a_session_from_a_year_ahead_does_not_outlive_the_clock_that_made_it(here: World) -> None:
    here.clock.step_wall(365 * DAY)
    started = await here.sign_in()
    assert await here.works(with_cookie(started))
    here.clock.step_wall(-365 * DAY)
    here.clock.advance(1)
    async with authority(here.store.inner, here.clock) as fresh:
        with pytest.raises(Expired):
            await fresh.admit(with_cookie(started))
        here.clock.advance(400)
        assert not await here.works(with_cookie(started))


async def test_who_was_refused_while_the_clock_was_ahead_is_not_refused_until_then(here: World) -> None:
    started = await here.sign_in()
    here.clock.step_wall(DAY)
    with pytest.raises(Expired):
        await here.by_cookie(started)
    here.clock.step_wall(-DAY)
    here.clock.advance(GONE)
    assert (await here.by_cookie(started)).subject == "ann"
