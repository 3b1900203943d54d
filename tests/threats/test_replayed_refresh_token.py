"""A refresh token is used a second time by whoever copied it (TOK-03).

A refresh token that stays good makes its thief a second user for months. So each is spent once: its successor is
the only one, the same to all who ask within the grace, and a token that comes back later ends the session with
all that it handed out, whoever of the two came first.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from admit.errors import BadCredential, Denied, Replayed
from worlds import KINDS, NO_GRACE, World, authority, with_cookie, with_token, world

T = TypeVar("T")
GRACE = 10.0


@pytest.fixture(params=KINDS)
async def here(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    async with world(request.param, tmp_path) as found:
        yield found


@pytest.mark.parametrize("thief_first", [True, False])
async def test_a_spent_refresh_token_ends_its_family_and_all_that_came_from_it(here: World, thief_first: bool) -> None:
    started = await here.sign_in()
    stolen = await here.auth.tokens.issue(started.session)
    # Whoever is first rotates; whoever is late is told nothing but that it is over.
    pair = await here.auth.tokens.refresh(stolen.refresh_token)
    assert await here.works(with_token(pair.access_token))
    here.clock.advance(GRACE)
    if thief_first:
        pair = await here.auth.tokens.refresh(pair.refresh_token)
    async with authority(here.store.inner, here.clock) as another:
        await another.admit(with_token(pair.access_token))
        with pytest.raises(Replayed):
            await here.auth.tokens.refresh(stolen.refresh_token)
        for auth in (here.auth, another):
            with pytest.raises(BadCredential):
                auth.verify(pair.access_token)
            for text in (pair.refresh_token, stolen.refresh_token):
                with pytest.raises(BadCredential):
                    await auth.tokens.refresh(text)
            with pytest.raises(BadCredential):
                await auth.admit(with_cookie(started))


async def test_an_older_token_ends_the_family_even_within_the_grace(here: World) -> None:
    first = await here.auth.tokens.issue((await here.sign_in()).session)
    second = await here.auth.tokens.refresh(first.refresh_token)
    here.clock.advance(GRACE)
    third = await here.auth.tokens.refresh(second.refresh_token)
    with pytest.raises(Replayed):
        await here.auth.tokens.refresh(first.refresh_token)
    assert not await here.refreshes(third.refresh_token)


async def test_without_a_grace_the_second_use_ends_the_family(tmp_path: Path) -> None:
    async with world("memory", tokens=NO_GRACE) as here:
        pair = await here.auth.tokens.issue((await here.sign_in()).session)
        assert await here.refreshes(pair.refresh_token)
        with pytest.raises(Replayed):
            await here.auth.tokens.refresh(pair.refresh_token)


async def test_another_family_of_the_same_subject_lives_on(here: World) -> None:
    one, other = [await here.auth.tokens.issue((await here.sign_in()).session) for _ in range(2)]
    await here.auth.tokens.refresh(one.refresh_token)
    here.clock.advance(GRACE)
    with pytest.raises(Replayed):
        await here.auth.tokens.refresh(one.refresh_token)
    assert await here.refreshes(other.refresh_token)


async def test_what_was_never_issued_ends_nobodys_session(here: World) -> None:
    pair = await here.auth.tokens.issue((await here.sign_in()).session)
    for _ in range(3):
        pair = await here.auth.tokens.refresh(pair.refresh_token)
        here.clock.advance(GRACE)
    good = pair.refresh_token
    async with world("memory", secret=b"somebody else's master secret...") as elsewhere:
        foreign = (await elsewhere.auth.tokens.issue((await elsewhere.sign_in()).session)).refresh_token
    key_id, sid, counter, secret, mac = good.split(".")
    for guess in (
        foreign,
        f"{foreign.partition('.')[0]}.{sid}.{counter}.{secret}.{mac}",
        f"{key_id}.{sid}.00000000.{secret}.{mac}",
        f"{key_id}.{sid}.00000001.{'A' * 43}.{mac}",
        f"{key_id}.{sid}.00000009.{secret}.{mac}",
        f"{key_id}.{sid}.{counter}.{'A' * 43}.{mac}",
    ):
        with pytest.raises(BadCredential):
            await here.auth.tokens.refresh(guess)
    assert await here.refreshes(good)


class Clients(RuleBasedStateMachine):
    """Clients that hold any tokens of one line and use any of them at any time, against a model that counts."""

    @initialize()
    def begin(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.stack = AsyncExitStack()
        self.here: World = self.wait(self.stack.enter_async_context(world("memory")))
        started = self.wait(self.here.sign_in())
        pair = self.wait(self.here.auth.tokens.issue(started.session))
        self.line = [pair.refresh_token]
        self.access = [pair.access_token]
        self.rotated_at = float("-inf")
        self.ended = False

    def wait(self, doing: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(doing)

    def teardown(self) -> None:
        self.wait(self.stack.aclose())
        self.loop.close()

    @rule(seconds=st.sampled_from([0.5, GRACE / 2, GRACE, 60]))
    def advance(self, seconds: float) -> None:
        self.here.clock.advance(seconds)

    @rule(data=st.data(), clients=st.integers(1, 3))
    def present(self, data: st.DataObject, clients: int) -> None:
        place = data.draw(st.integers(0, len(self.line) - 1), "place")
        young = self.here.clock.now() - self.rotated_at < GRACE
        last = len(self.line) - 1
        answers = self.wait(self.at_once(self.line[place], clients))
        if self.ended or not (place == last or (place == last - 1 and young)):
            self.ended = True
            assert not any(answers)
            return
        assert all(answers), "somebody was signed out"
        [successor] = set(answers)
        if place == last and not young:
            assert successor not in self.line
            self.line.append(successor)
            self.rotated_at = self.here.clock.now()
        assert successor == self.line[-1]

    async def at_once(self, text: str, clients: int) -> list[str]:
        self.here.store.interleave()
        answers = await asyncio.gather(*(self.successor(text) for _ in range(clients)))
        self.here.store.before.clear()
        self.here.store.after.clear()
        return answers

    async def successor(self, text: str) -> str:
        try:
            pair = await self.here.auth.tokens.refresh(text)
        except Denied:
            return ""
        self.access.append(pair.access_token)
        return pair.refresh_token

    @invariant()
    def an_access_token_works_only_while_the_family_lives(self) -> None:
        if self.ended:
            assert not self.wait(self.here.works(with_token(self.access[-1])))


TestClients = Clients.TestCase
