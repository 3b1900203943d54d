"""A stolen refresh token of one's own session survives the change of the password (SES-02, SES-05, TOK-03).

A session can have a cookie and tokens. Whoever changes the password by cookie keeps that session, and so would whoever
copied its refresh token before: he refreshes for as long as it lasts, or changes the token for a cookie, and the owner,
who goes on by cookie, never uses the family again, by which the copy would be noticed. So what the owner does not go on
by is over, in the commit that gives him another cookie; and no access token, which lasts for minutes, gets a cookie.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

from admit.errors import Conflict, Revoked
from admit.sessions import Started
from admit.tokens import TokenPolicy
from doors import Door
from going_on import ACTS, GoesOn, signed_in, with_account
from worlds import KINDS, World, value_of, with_cookie, with_token, world

GRACE = TokenPolicy().grace


@pytest.fixture
async def world_of_ann() -> AsyncIterator[World]:
    async with with_account() as here:
        yield here


@pytest.mark.parametrize("act", ACTS)
async def test_whoever_goes_on_by_cookie_leaves_a_stolen_refresh_token_behind(world_of_ann: World, act: GoesOn) -> None:
    here, tokens = world_of_ann, world_of_ann.auth.tokens
    own = await signed_in(here)
    spent = (await tokens.issue(own.session)).refresh_token
    stolen = (await tokens.refresh(spent)).refresh_token
    after = await act(here, own.session)
    assert after is not None
    for text in (stolen, spent):
        with pytest.raises(Revoked):
            await tokens.refresh(text)
        with pytest.raises(Revoked):
            await tokens.exchange(text)
        await tokens.end_presented(text)  # it is given back, and ends nothing that goes on without it
    assert await here.works(with_cookie(after))
    # Its owner has tokens again by asking for some; the old ones, which come again, do not end those.
    again = await tokens.issue(after.session)
    here.clock.advance(GRACE)
    again = await tokens.refresh(again.refresh_token)
    for text in (stolen, spent):
        with pytest.raises(Revoked):
            await tokens.refresh(text)
    assert await here.works(with_cookie(after))
    assert await here.works(with_token(again.access_token))
    with pytest.raises(Conflict):
        await tokens.issue(after.session)
    here.clock.advance(GRACE)
    assert await here.refreshes(again.refresh_token)


@pytest.mark.parametrize("act", ACTS)
async def test_giving_it_back_at_the_last_moment_ends_nothing_either(world_of_ann: World, act: GoesOn) -> None:
    here = world_of_ann
    own = await signed_in(here)
    stolen = (await here.auth.tokens.issue(own.session)).refresh_token
    after: Started | None = None

    async def goes_on() -> None:
        nonlocal after
        after = await act(here, own.session)

    with here.store.once(here.store.before, "commit", goes_on):
        await here.auth.tokens.end_presented(stolen)
    assert after is not None
    assert await here.works(with_cookie(after))


@pytest.mark.parametrize("by_token", [False, True])
@pytest.mark.parametrize("act", ACTS)
async def test_whoever_was_let_in_before_begins_no_tokens_after_it(
    world_of_ann: World, act: GoesOn, by_token: bool
) -> None:
    here, tokens = world_of_ann, world_of_ann.auth.tokens
    before = (await signed_in(here)).session
    if by_token:
        await tokens.issue(before)
    after = await act(here, before, by_token=by_token)
    assert after is not None
    with pytest.raises(Revoked):
        await tokens.issue(before)
    if not by_token:
        assert await here.works(with_token((await tokens.issue(after.session)).access_token))


@pytest.mark.parametrize("act", ACTS)
async def test_whoever_goes_on_by_token_leaves_a_stolen_cookie_behind(world_of_ann: World, act: GoesOn) -> None:
    here = world_of_ann
    own = await signed_in(here)
    pair = await here.auth.tokens.issue(own.session)
    after = await act(here, own.session, by_token=True)
    assert after is not None
    assert after.cookie is None
    assert not await here.works(with_cookie(own))
    pair = await here.auth.tokens.refresh(pair.refresh_token)
    assert await here.works(with_token(pair.access_token))
    # The number of a cookie is given once: what ended the old one does not end the next.
    _, cookie = await here.auth.tokens.exchange(pair.refresh_token)
    assert value_of(cookie).split(".")[1] == "3"
    assert await here.works(with_cookie(cookie))


@pytest.mark.parametrize("by_token", [True, False])
@pytest.mark.parametrize("act", ACTS)
async def test_a_client_that_has_tokens_alone_goes_on_by_them(world_of_ann: World, act: GoesOn, by_token: bool) -> None:
    here = world_of_ann
    own = await signed_in(here, cookie=False)
    pair = await here.auth.tokens.issue(own.session)
    assert await act(here, own.session, by_token=by_token) is not None
    pair = await here.auth.tokens.refresh(pair.refresh_token)
    assert await here.works(with_token(pair.access_token))


@pytest.mark.parametrize("kind", KINDS)
async def test_a_refresh_that_races_it_leaves_nothing_alive(kind: str, tmp_path: Path) -> None:
    async with world(kind, tmp_path) as here:
        for verb, moment in (("commit", "before"), ("get", "after"), ("commit", "after")):
            own = await here.sign_in()
            stolen = (await here.auth.tokens.issue(own.session)).refresh_token
            hooks = getattr(here.store, moment)
            stepped_up = partial(here.auth.sessions.step_up, own.session, await here.proof())
            with here.store.once(hooks, verb, stepped_up), pytest.raises(Revoked):
                await here.auth.tokens.exchange(stolen)


@pytest.mark.parametrize("alone", [True, False])
async def test_no_access_token_gets_the_cookie_of_its_session(here: Door, alone: bool) -> None:
    owner = await here.signed_in()
    session = await here.auth.sessions.get((await owner.get("/api/me")).json()["session"])
    assert session is not None
    tokens = here.auth.tokens
    text = await tokens.access(session) if alone else (await tokens.issue(session)).access_token
    answer = await here.browser(Authorization=f"Bearer {text}").post("/api/sign-out-others")
    assert answer.status_code == 204
    assert "set-cookie" not in answer.headers
