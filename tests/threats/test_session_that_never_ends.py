"""A session that is used often enough never ends (SES-04).

Who stole a cookie keeps it alive by asking once an hour; where activity moves the only limit there is, for ever.
So there are two limits, both judged on the server: idle time, and an absolute end that nothing moves, neither
use nor refresh nor step-up nor signing out elsewhere.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from typing import Any, TypeVar

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, multiple, rule

from admit.core.session_policy import SessionPolicy
from admit.errors import Denied, Expired
from admit.sessions import SLACK, Started
from worlds import MINUTE, SHORT, World, with_cookie, with_token, world

T = TypeVar("T")
LEEWAY = 5.0
GRACE = 10.0


@dataclass
class Model:
    """What is known of one session: when it must end, when it was active last, and whether it was ended."""

    started: Started
    ends_at: float
    active_at: float
    refresh: str
    access: str
    ended: bool = False

    def over(self, now: float) -> bool:
        """Whether it must be refused."""
        return self.ended or now >= self.ends_at or now >= self.active_at + SHORT.idle * (1 + SLACK) + GRACE

    def alive(self, now: float) -> bool:
        """Whether it must be accepted."""
        return not self.ended and now < self.ends_at - 1 and now < self.active_at + SHORT.idle - GRACE


class Life(RuleBasedStateMachine):
    """Sessions of one subject under any activity, beside a model of two numbers each."""

    sessions: Bundle[Model] = Bundle("sessions")

    @initialize()
    def begin(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.stack = AsyncExitStack()
        self.here: World = self.wait(self.stack.enter_async_context(world("memory", sessions=SHORT)))
        self.all: list[Model] = []

    def wait(self, doing: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(doing)

    def teardown(self) -> None:
        self.wait(self.stack.aclose())
        self.loop.close()

    @property
    def now(self) -> float:
        return self.here.clock.now()

    @rule(target=sessions)
    def start(self) -> Any:
        if len(self.all) == 4:
            return multiple()
        started = self.wait(self.here.sign_in())
        pair = self.wait(self.here.auth.tokens.issue(started.session))
        ends_at = self.now + SHORT.absolute
        self.all.append(Model(started, ends_at, self.now, pair.refresh_token, pair.access_token))
        return self.all[-1]

    @rule(seconds=st.sampled_from([1.0, 9, MINUTE, 5 * MINUTE, 20 * MINUTE, SHORT.idle - GRACE, SHORT.idle]))
    def advance(self, seconds: float) -> None:
        self.here.clock.advance(seconds)

    @rule(model=sessions)
    def use(self, model: Model) -> None:
        accepted = self.wait(self.here.works(with_cookie(model.started)))
        self.judge(model, accepted)

    @rule(model=sessions)
    def use_its_access_token(self, model: Model) -> None:
        if self.wait(self.here.works(with_token(model.access))):
            assert not model.ended
            assert self.now < model.ends_at + LEEWAY

    @rule(model=sessions)
    def refresh(self, model: Model) -> None:
        try:
            pair = self.wait(self.here.auth.tokens.refresh(model.refresh))
        except Denied:
            self.judge(model, accepted=False)
        else:
            self.judge(model, accepted=True)
            model.refresh, model.access = pair.refresh_token, pair.access_token

    @rule(model=sessions)
    def step_up(self, model: Model) -> None:
        proof = self.wait(self.here.proof())
        try:
            stepped = self.wait(self.here.auth.sessions.step_up(model.started.session, proof))
        except Denied:
            self.judge(model, accepted=False)
        else:
            self.goes_on(model, stepped)

    @rule(model=sessions)
    def sign_out_everywhere_else(self, model: Model) -> None:
        keep = model.started.session
        try:
            kept = self.wait(self.here.auth.sessions.sign_out_everywhere("ann", keep=keep))
        except Denied:
            self.judge(model, accepted=False)
            return
        assert kept is not None
        self.goes_on(model, kept)
        for other in self.all:
            other.ended = other.ended or other is not model

    @rule(model=sessions)
    def revoke(self, model: Model) -> None:
        self.wait(self.here.auth.sessions.revoke(model.started.session))
        model.ended = True

    def goes_on(self, model: Model, started: Started) -> None:
        """By another cookie, and with tokens that begin anew."""
        self.judge(model, accepted=True)
        model.started = started
        with suppress(Expired):  # within the last second
            pair = self.wait(self.here.auth.tokens.issue(started.session))
            model.refresh, model.access = pair.refresh_token, pair.access_token

    def judge(self, model: Model, accepted: bool) -> None:
        assert accepted or not model.alive(self.now)
        assert not accepted or not model.over(self.now)
        if accepted:
            model.active_at = self.now


TestLife = Life.TestCase


@pytest.mark.parametrize("kind", ["memory", "homes", "sqlite"])
async def test_use_never_moves_the_absolute_end(kind: str, tmp_path: Any) -> None:
    async with world(kind, tmp_path, sessions=SessionPolicy(idle=60, absolute=600)) as here:
        started = await here.sign_in()
        pair = await here.auth.tokens.issue(started.session)
        for _ in range(11):
            here.clock.advance(54)
            started = await here.auth.sessions.step_up(started.session, await here.proof())
            pair = await here.auth.tokens.refresh((await here.auth.tokens.issue(started.session)).refresh_token)
            assert (await here.by_cookie(started)).expires_at == started.session.created_at + 600
        here.clock.advance(6)
        assert not await here.works(with_cookie(started))
        with pytest.raises(Expired):
            await here.auth.tokens.refresh(pair.refresh_token)
        with pytest.raises(Expired):
            await here.auth.sessions.step_up(started.session, await here.proof())
        here.clock.advance(LEEWAY + 1)
        assert not await here.works(with_token(pair.access_token))
