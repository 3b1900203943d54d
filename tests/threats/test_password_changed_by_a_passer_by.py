"""Whoever finds a browser signed in, or steals a cookie, changes the password and keeps the account (PWD-05)."""

from __future__ import annotations

import pytest

from admit.errors import BadCredential, BadInput
from admit.stores.memory import MemoryStore
from services import ANOTHER, EMAIL, PASSWORD, services


@pytest.mark.parametrize("guess", ["", ANOTHER, PASSWORD.upper(), PASSWORD + " "])
async def test_a_session_alone_does_not_change_the_password(guess: str) -> None:
    async with services(MemoryStore()) as here:
        account = await here.accounts.create(EMAIL, PASSWORD)
        stolen = await here.sessions.start(await here.accounts.sign_in(EMAIL, PASSWORD))
        other = await here.sessions.start(await here.accounts.sign_in(EMAIL, PASSWORD))
        with pytest.raises(BadInput) as refused:
            await here.accounts.change_password(stolen.session, guess, ANOTHER)
        assert (refused.value.code, refused.value.field) == ("wrong_password", "current")
        # Nothing happened: the password is the old one, and nobody was signed out.
        await here.accounts.sign_in(EMAIL, PASSWORD)
        with pytest.raises(BadCredential):
            await here.accounts.sign_in(EMAIL, ANOTHER)
        assert await here.alive(account.id) == {stolen.session.id, other.session.id}


async def test_a_session_of_an_account_without_a_password_does_not_give_it_one() -> None:
    async with services(MemoryStore()) as here:
        account = await here.accounts.create(EMAIL)
        before = await here.subjects.before(account.id)
        started = await here.sessions.start(before.proven("hwk"))
        for guess in ("", PASSWORD):
            with pytest.raises(BadInput, match="wrong_password"):
                await here.accounts.change_password(started.session, guess, ANOTHER)
        with pytest.raises(BadCredential):
            await here.accounts.sign_in(EMAIL, ANOTHER)


@pytest.mark.parametrize("new, code", [("short", "password_too_short"), ("x" * 1_025, "password_too_long")])
async def test_the_new_password_is_judged_like_the_first(new: str, code: str) -> None:
    async with services(MemoryStore()) as here:
        await here.accounts.create(EMAIL, PASSWORD)
        started = await here.sessions.start(await here.accounts.sign_in(EMAIL, PASSWORD))
        with pytest.raises(BadInput) as refused:
            await here.accounts.change_password(started.session, PASSWORD, new)
        assert refused.value.code == code
        await here.accounts.sign_in(EMAIL, PASSWORD)
