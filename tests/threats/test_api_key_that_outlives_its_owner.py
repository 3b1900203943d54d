"""An API key goes on doing what its owner may no longer do, or after he is gone (KEY-03).

Its scope is cut to its owner's at each look-up; a reset and a deletion end it for good, disabling and a restored backup
suspend it; revoking it counts at once. None of that can be overtaken by a key that is just being made.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from admit.core.request import Request
from admit.errors import Denied, Revoked
from admit.subjects import Subject
from worlds import ORIGIN, World, world

Act = Callable[[World], Awaitable[object]]


def by(text: str) -> Request:
    return Request("GET", ORIGIN, ((b"x-api-key", text.encode()),))


async def restored(here: World) -> None:
    here.clock.advance(1)
    await here.auth.restore()


ENDS: dict[str, Act] = {
    "reset": lambda here: here.auth.subjects.change("ann", Subject.proof_reset),
    "disabled": lambda here: here.auth.subjects.change("ann", Subject.disabled),
    "restored": restored,
}


async def made(here: World, **asked: str) -> str:
    return (await here.auth.api_keys.create(await here.auth.subjects.before("ann"), "backup", **asked)).text  # type: ignore[arg-type]


@pytest.mark.parametrize("warm", [True, False], ids=["warm", "cold"])
@pytest.mark.parametrize("end", ENDS)
async def test_what_ends_or_suspends_its_owner_counts_for_it_at_once(end: str, warm: bool) -> None:
    async with world("memory") as here:
        key = await made(here)
        if warm:
            assert await here.works(by(key))
        await ENDS[end](here)
        assert not await here.works(by(key))


@pytest.mark.parametrize("end", ENDS)
async def test_a_key_that_is_made_meanwhile_has_ended_too(end: str) -> None:
    async with world("memory") as here:
        before = await here.auth.subjects.before("ann")
        with here.store.once(here.store.before, "commit", lambda: ENDS[end](here)):
            key = (await here.auth.api_keys.create(before, "late")).text
        assert not await here.works(by(key))
        with pytest.raises(Revoked):
            await here.auth.api_keys.create(before, "later")


async def test_what_its_owner_may_no_longer_do_it_may_not_either() -> None:
    async with world("memory") as here:
        await here.auth.subjects.change("ann", lambda one: one.with_roles(["user", "admin"]))
        keys = [await made(here), await made(here, scope="users:write links:read")]
        for key in keys:
            assert "users:write" in (await here.auth.admit(by(key))).scope
        await here.auth.subjects.change("ann", lambda one: one.with_roles(["user"]))
        for key in keys:
            who = await here.auth.admit(by(key))
            assert who.scope <= {"links:read", "links:write"}
            assert "admin" not in who.roles


async def test_a_key_that_was_disabled_with_its_owner_and_reset_does_not_come_back_with_him() -> None:
    async with world("memory") as here:
        key = await made(here)
        for event in (Subject.disabled, Subject.proof_reset, Subject.enabled):
            await here.auth.subjects.change("ann", event)
            here.clock.advance(6)
            assert not await here.works(by(key))


async def test_neither_a_confirmation_nor_another_restore_brings_back_what_a_reset_ended() -> None:
    async with world("memory") as here:
        made_before = await here.auth.api_keys.create(await here.auth.subjects.before("ann"), "old")
        await here.auth.subjects.change("ann", Subject.proof_reset)
        for _ in range(2):
            await restored(here)
            await here.auth.subjects.change("ann", Subject.signed_out)
            with pytest.raises(Exception, match="no_api_key"):
                await here.auth.api_keys.confirm(await here.auth.subjects.before("ann"), made_before.key.id)
            here.clock.advance(6)
            with pytest.raises(Denied):
                await here.auth.admit(by(made_before.text))
