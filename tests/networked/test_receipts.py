"""A receipt says that all know only when every follower has read past all that had ended, whoever ended it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from admit.authority import Authority
from admit.core.lease import CLOCKS_RUN
from admit.core.store import Cursor
from admit.feed import Feed
from admit.testing.clock import FakeClock
from engines import Engine
from worlds import authority

BOUND = 10.0
LATER = BOUND * CLOCKS_RUN + 0.01


class Ticking(FakeClock):
    """Moves a little whenever it is looked at, so that of two moments one is later; else only when it is told to."""

    def lease(self) -> float:
        self.advance(1e-6)
        return super().lease()


@dataclass
class Alone:
    """A server that says it serves alone, for longer than anybody trusts what was said before, and one that follows it.

    It reads the log when it is asked for a receipt, and at no other time.
    """

    url: str
    auth: Authority
    clock: Ticking
    feed: Feed = field(init=False)
    place: Cursor | None = None

    def __post_init__(self) -> None:
        self.feed = self.auth.feed()

    async def polls(self) -> None:
        """The follower asks on from where it is."""
        one = self.auth.followers.asks("links", "a name", self.place)
        page, as_of = await self.feed.read(self.place, 0)
        self.auth.followers.answered(one, page, as_of)
        self.place = page.cursor


@asynccontextmanager
async def alone(url: str) -> AsyncIterator[Alone]:
    clock = Ticking()
    async with authority(url, clock, max_staleness=BOUND, serves_alone=True) as auth:
        assert auth._leased is not None
        await asyncio.to_thread(auth._leased.stop)
        clock.advance(LATER)
        yield Alone(url, auth, clock)


@asynccontextmanager
async def another(here: Alone, bound: float | None = None) -> AsyncIterator[Authority]:
    """Another process over the same store: a command of an operator, or a server that should not be there."""
    async with authority(here.url, here.clock, max_staleness=bound) as auth:
        yield auth


@pytest.fixture
async def here(engine: Engine) -> AsyncIterator[Alone]:
    async with alone(engine.database()) as found:
        await found.polls()
        await found.polls()
        await found.polls()
        assert (await found.auth.everywhere()).everywhere, "whoever follows came back, and nothing has ended since"
        yield found


async def test_nobody_knows_of_an_end_that_he_was_not_told(here: Alone) -> None:
    started = await here.auth.sessions.start((await here.auth.subjects.before("ann")).proven("pwd"))
    assert not (await here.auth.revoke(started.session)).everywhere
    await here.polls()
    assert not (await here.auth.everywhere()).everywhere, "told is not yet known"
    await here.polls()
    assert (await here.auth.everywhere()).everywhere


async def test_nobody_knows_of_an_end_that_another_process_wrote(here: Alone) -> None:
    async with another(here) as other:
        await other.sessions.sign_out_everywhere("ann")
    assert not (await here.auth.everywhere()).everywhere
    await here.polls()
    await here.polls()
    assert (await here.auth.everywhere()).everywhere


async def test_who_asked_within_a_larger_bound_that_another_process_was_told_may_still_accept(here: Alone) -> None:
    here.clock.advance(LATER)
    assert (await here.auth.everywhere()).everywhere, "nobody has asked for so long"
    async with another(here, BOUND * 2):
        receipt = await here.auth.everywhere()
    assert not receipt.everywhere
    assert receipt.effective_by > here.clock.now() + BOUND * 2
