"""The acts by which somebody goes on with his own session, while all else that presents it ends."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Protocol

from admit.sessions import Session, Started
from doors import ANN, NEW_PASSWORD
from worlds import World, world

EMAIL, PASSWORD = ANN["email"], ANN["password"]


class GoesOn(Protocol):
    """Carries ``own`` on: by another cookie, or ``by_token``. Raises Revoked, BadInput."""

    def __call__(self, here: World, own: Session, *, by_token: bool = False) -> Awaitable[Started | None]: ...


async def changes_the_password(here: World, own: Session, *, by_token: bool = False) -> Started | None:
    return await here.auth.accounts.change_password(own, PASSWORD, NEW_PASSWORD, by_token=by_token)


async def signs_out_everywhere_else(here: World, own: Session, *, by_token: bool = False) -> Started | None:
    return await here.auth.sessions.sign_out_everywhere(own.subject, keep=own, by_token=by_token)


async def proves_it_again(here: World, own: Session, *, by_token: bool = False) -> Started | None:
    return await here.auth.sessions.step_up(own, await here.proof(own.subject), by_token=by_token)


ACTS: list[GoesOn] = [changes_the_password, signs_out_everywhere_else, proves_it_again]


@asynccontextmanager
async def with_account() -> AsyncIterator[World]:
    """A world in which Ann has an account."""
    async with world("memory") as here:
        await here.auth.accounts.create(EMAIL, PASSWORD, roles=["user"])
        yield here


async def signed_in(here: World, *, cookie: bool = True) -> Started:
    """Ann's session, by her password."""
    return await here.auth.sessions.start(await here.auth.accounts.sign_in(EMAIL, PASSWORD), cookie=cookie)
