"""A session that had tokens gets a cookie as well: the same one to whoever asks again, and it ends with the session."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from admit import TokenPolicy
from admit.errors import BadCredential, Expired, Replayed, Revoked
from admit.tokens import Pair
from worlds import KINDS, SHORT, World, value_of, with_cookie, with_token, world

GRACE = TokenPolicy().grace


@pytest.fixture(params=KINDS)
async def here(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    async with world(request.param, tmp_path, sessions=SHORT) as found:
        yield found


async def tokens_alone(here: World, **options: Any) -> Pair:
    """The tokens of a session that has no cookie."""
    return await here.auth.tokens.issue((await here.sign_in(cookie=False, **options)).session)


async def test_whoever_had_tokens_alone_goes_on_with_a_cookie_beside_them(here: World) -> None:
    before = await tokens_alone(here)
    pair, cookie = await here.auth.tokens.exchange(before.refresh_token)
    by_cookie, by_token = await here.by_cookie(cookie), await here.by_token(pair.access_token)
    assert (by_cookie.subject, by_cookie.session) == (by_token.subject, by_token.session)
    assert int(by_cookie.authenticated_at) == by_token.authenticated_at
    assert await here.refreshes(pair.refresh_token)
    assert await here.works(with_token(before.access_token))


async def test_two_tabs_and_lost_answers_get_the_same_cookie_within_the_grace(here: World) -> None:
    before = (await tokens_alone(here)).refresh_token
    here.clock.advance(GRACE)
    here.store.interleave()
    answers = await asyncio.gather(*(here.auth.tokens.exchange(before) for _ in range(3)))
    # One tab has stored the next token already, and asks with that one.
    answers.append(await here.auth.tokens.exchange(answers[0][0].refresh_token))
    assert len({value_of(cookie) for _, cookie in answers}) == 1
    assert await here.works(with_cookie(answers[0][1]))


async def test_another_cookie_takes_the_place_of_the_one_before(here: World) -> None:
    first = await here.sign_in()
    await here.by_cookie(first)
    pair, second = await here.auth.tokens.exchange((await here.auth.tokens.issue(first.session)).refresh_token)
    here.clock.advance(2 * GRACE)
    _, third = await here.auth.tokens.exchange(pair.refresh_token)
    assert [await here.works(with_cookie(one)) for one in (first, second, third)] == [False, False, True]


async def test_a_cookie_that_is_over_does_not_open_the_one_that_takes_its_place(here: World) -> None:
    before = await tokens_alone(here)
    _, stolen = await here.auth.tokens.exchange(before.refresh_token)
    session = await here.auth.sessions.get((await here.by_cookie(stolen)).session or "")
    assert session is not None
    await here.auth.sessions.step_up(session, await here.proof(), by_token=True)
    # An answer was lost, and the client asks for its cookie again: for the same token, within the grace.
    _, third = await here.auth.tokens.exchange(before.refresh_token)
    assert await here.works(with_cookie(third))
    assert not await here.works(with_cookie(stolen))
    assert not await here.works(with_cookie(stolen.replace(f"{session.id}.1.", f"{session.id}.3.")))


async def test_a_cookie_that_was_exchanged_for_ends_with_the_session_and_is_not_made_after_it(here: World) -> None:
    pair, cookie = await here.auth.tokens.exchange((await tokens_alone(here)).refresh_token)
    await here.auth.revoke(await here.by_cookie(cookie))
    assert not await here.works(with_cookie(cookie))
    with pytest.raises(Revoked):
        await here.auth.tokens.exchange(pair.refresh_token)


async def test_a_session_that_ends_while_its_cookie_is_made_gets_none(here: World) -> None:
    before = await tokens_alone(here)
    session = (await here.by_token(before.access_token)).session
    assert session is not None
    commits = 0

    async def end() -> None:
        nonlocal commits
        commits += 1
        if commits == 2:  # the first rotates the token
            here.store.before.clear()
            await here.auth.sessions.revoke(session)

    here.clock.advance(GRACE)
    here.store.before["commit"] = end
    with pytest.raises(Revoked):
        await here.auth.tokens.exchange(before.refresh_token)
    assert await here.auth.sessions.get(session) is None


async def test_a_copy_that_comes_later_gets_no_cookie_and_ends_the_session(here: World) -> None:
    before = (await tokens_alone(here)).refresh_token
    _, cookie = await here.auth.tokens.exchange(before)
    here.clock.advance(GRACE + 1)
    with pytest.raises(Replayed):
        await here.auth.tokens.exchange(before)
    assert not await here.works(with_cookie(cookie))


async def test_a_part_of_what_somebody_holds_stays_a_part(here: World) -> None:
    await here.auth.subjects.change("ann", lambda held: held.with_roles(["user"]))
    _, cookie = await here.auth.tokens.exchange((await tokens_alone(here, scope="links:read")).refresh_token)
    assert (await here.by_cookie(cookie)).scope == {"links:read"}


async def test_nobody_gets_a_cookie_without_a_refresh_token(here: World) -> None:
    pair = await tokens_alone(here)
    for wrong in (pair.access_token, "adm_r_x", "", pair.refresh_token[:-1]):
        with pytest.raises(BadCredential):
            await here.auth.tokens.exchange(wrong)
    here.clock.advance(SHORT.idle + SHORT.idle / 10)
    with pytest.raises(Expired):
        await here.auth.tokens.exchange(pair.refresh_token)
