"""A copied cookie that was let in a moment before its owner changed it is answered with the newer one (SES-02, SES-05).

A request is let in by what it presents, and does what it came for a moment later. In between the owner may have changed
the password, signed out all other devices or proven once more that it is he, and goes on by another cookie. If the
session were then read by its id alone, the late request would go on as if it had been let in by the new cookie: signing
out the others would end that one and hand the thief the next, another host would be given one of its own, and tokens
would begin. So whoever was let in gets the session only as he presented it, and what he does with it is done in a commit
for the session as he knows it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from fastapi import Response

from admit.errors import BadInput, Revoked
from admit.sessions import Started
from admit.web.routes.sessions import sign_out_others
from gateways import HOST, OTHER, front
from going_on import ACTS, GoesOn, proves_it_again, signed_in, signs_out_everywhere_else, with_account
from handing import Browser, led
from worlds import KINDS, World, value_of, with_cookie, world

OVER = (Revoked, BadInput)  # BadInput: what was typed is not the password any more


@pytest.fixture
async def world_of_ann() -> AsyncIterator[World]:
    async with with_account() as here:
        yield here


@pytest.mark.parametrize("act", ACTS)
async def test_a_late_request_to_sign_out_the_others_gets_no_cookie(world_of_ann: World, act: GoesOn) -> None:
    here, own = world_of_ann, await signed_in(world_of_ann)
    thief = await here.by_cookie(own)
    after = await act(here, own.session)
    assert after is not None
    answer = Response()
    with pytest.raises(Revoked):
        await sign_out_others(thief, answer, here.auth)
    assert "set-cookie" not in answer.headers
    assert await here.works(with_cookie(after))
    # Let in by what he goes on by, the owner gets his session, and may do the same.
    await sign_out_others(await here.by_cookie(after), answer, here.auth)
    assert not await here.works(with_cookie(after))
    assert await here.works(with_cookie(answer.headers["set-cookie"]))


@pytest.mark.parametrize("act", ACTS[:2])
async def test_a_late_request_by_token_does_not_get_the_session_either(world_of_ann: World, act: GoesOn) -> None:
    here, own = world_of_ann, await signed_in(world_of_ann)
    pair = await here.auth.tokens.issue(own.session)
    thief = await here.by_token(pair.access_token)
    assert (await here.auth.sessions.presented(thief)).id == own.session.id
    assert await act(here, own.session) is not None
    with pytest.raises(Revoked):
        await here.auth.sessions.presented(thief)


async def test_a_late_request_to_go_on_to_another_host_gets_no_ticket() -> None:
    async with front() as here:
        ann = Browser(here)
        own = await here.world.sign_in()
        ann.jars[HOST] = {"__Host-admit": value_of(own)}
        await ann.follow()
        thief = Browser(here, {HOST: dict(ann.jars[HOST])})
        asked = led(await thief.get(f"https://{OTHER}/.admit/hand-over?next=/"))
        assert asked is not None

        async def change() -> None:
            await proves_it_again(here.world, own.session)

        with here.world.store.once(here.world.store.before, "get", change):
            answer = await thief.get(asked)
        assert "ticket=" not in (led(answer) or "")


@pytest.mark.parametrize("late", ACTS)
@pytest.mark.parametrize("act", ACTS)
async def test_of_two_who_know_a_session_by_one_cookie_one_goes_on(
    world_of_ann: World, act: GoesOn, late: GoesOn
) -> None:
    here, own = world_of_ann, (await signed_in(world_of_ann)).session
    after: Started | None = None

    async def first() -> None:
        nonlocal after
        after = await act(here, own)

    # Once with the session as it was long before, once overtaken at the last moment and decided anew.
    with here.store.once(here.store.before, "commit", first), pytest.raises(OVER):
        await late(here, own)
    assert after is not None
    with pytest.raises(OVER):
        await late(here, own)
    assert await here.works(with_cookie(after))


@pytest.mark.parametrize("kind", KINDS)
async def test_whoever_was_let_in_before_has_no_access_token_after_it(kind: str, tmp_path: Path) -> None:
    async with world(kind, tmp_path) as here:
        own = await here.sign_in()
        after = await signs_out_everywhere_else(here, own.session)
        assert after is not None
        with pytest.raises(Revoked):
            await here.auth.tokens.access(own.session)
        assert await here.auth.tokens.access(after.session)
