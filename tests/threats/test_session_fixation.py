"""A session id from before the sign-in is worth something after it (SES-02).

An attacker plants an id in somebody's browser, or reads one off it, and waits for the sign-in or the step-up:
then his copy is signed in too. So each sign-in makes a new session, each step-up another cookie, the old one is
dead in every process, and an id that a client brought along is never adopted.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from admit.core.secret import new_secret
from admit.errors import BadCredential
from admit.system import chance
from worlds import KINDS, World, authority, value_of, with_cookie, world


@pytest.fixture(params=KINDS)
async def here(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    async with world(request.param, tmp_path) as found:
        yield found


async def test_every_sign_in_is_a_new_session_and_the_old_one_is_not_signed_in_again(here: World) -> None:
    before = await here.sign_in()
    await here.auth.revoke(before.session)
    after = await here.sign_in()
    assert before.session.id != after.session.id
    assert value_of(before) != value_of(after)
    assert not await here.works(with_cookie(before))
    assert await here.works(with_cookie(after))


async def test_an_id_that_a_client_invented_is_never_adopted(here: World) -> None:
    planted = f"adm_s_{(await here.sign_in()).session.id[::-1]}.1.{new_secret(chance)}"
    for _ in range(2):
        with pytest.raises(BadCredential):
            await here.by_cookie(f"={planted};")
        started = await here.sign_in()
        assert started.session.id not in planted
    assert len(await here.auth.sessions.of("ann")) == 3


async def test_the_cookie_from_before_a_step_up_is_dead_everywhere_at_once(here: World) -> None:
    async with authority(here.store.inner, here.clock) as another:
        before = await here.sign_in()
        for auth in (here.auth, another):
            await auth.admit(with_cookie(before))
        after = await here.auth.sessions.step_up(before.session, await here.proof("ann", "otp"))
        assert after.session.id == before.session.id
        for auth in (here.auth, another):
            with pytest.raises(BadCredential):
                auth.verify(value_of(before), "session")
            with pytest.raises(BadCredential):
                await auth.admit(with_cookie(before))
            assert (await auth.admit(with_cookie(after))).methods == ("pwd", "otp")


async def test_the_cookie_from_before_a_password_change_or_signing_out_elsewhere_is_dead(here: World) -> None:
    before = await here.sign_in()
    await here.by_cookie(before)
    after = await here.auth.sessions.sign_out_everywhere("ann", keep=before.session)
    assert after is not None
    assert not await here.works(with_cookie(before))
    assert await here.works(with_cookie(after))


async def test_the_number_of_a_cookie_is_not_a_thing_to_count_up(here: World) -> None:
    before = await here.sign_in()
    secret = value_of(before).rpartition(".")[2]
    copies = [with_cookie(f"=adm_s_{before.session.id}.{number}.{secret};") for number in (1, 2, 3)]
    # One that opened under a number to come would be remembered under it, and outlive the end of its own.
    assert [await here.works(copy) for copy in copies] == [True, False, False]
    await here.auth.sessions.step_up(before.session, await here.proof())
    assert [await here.works(copy) for copy in copies] == [False, False, False]
