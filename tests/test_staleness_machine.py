"""Processes that start with bounds of their own, verifiers that begin and are cut off: no receipt is ever too early."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from admit.authority import Authority
from admit.core.principal import Ends
from admit.known import Known
from admit.stores.memory import MemoryStore
from admit.testing.clock import FakeClock
from doors import ISSUER, authority
from wire import Wire

T = TypeVar("T")

BOUNDS = st.sampled_from([1.0, 4.0, 16.0])
OWN = 60.0
"""Seconds that a verifier would accept for, if the authority did not say less."""


class Served(RuleBasedStateMachine):
    """Two processes that serve one store, and two verifiers, of which each asks when the rules say so."""

    which = st.integers(0, 1)

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.clock = FakeClock()
        self.store = MemoryStore()
        self.serving: list[Authority] = []
        self.verifiers: list[Known] = []
        self.ended: dict[str, float] = {}

    def wait(self, doing: Awaitable[T]) -> T:
        return self.loop.run_until_complete(doing)

    def teardown(self) -> None:
        self.wait(self.store.close())
        self.loop.close()

    @initialize(bounds=st.lists(BOUNDS, min_size=2, max_size=2))
    def all_begin(self, bounds: list[float]) -> None:
        self.serving = [self.started(seconds) for seconds in bounds]
        self.verifiers = [self.begun(auth) for auth in self.serving]

    def started(self, seconds: float) -> Authority:
        auth = authority(store=self.store, clock=self.clock, max_staleness=seconds)
        self.wait(auth.open())
        return auth

    def begun(self, auth: Authority) -> Known:
        """A verifier that has read what ``auth`` says of itself, and not yet its log."""
        known = Known(ISSUER, "adm_v_", None, self.clock, bytes, OWN)
        assert self.store.tail is not None
        known.follower._source = Wire(self.store.tail)
        known.within(OWN)
        known._allow_at_most(auth.max_staleness)
        return known

    @rule(which=which, seconds=BOUNDS)
    def a_process_starts_in_the_place_of_another(self, which: int, seconds: float) -> None:
        self.serving[which] = self.started(seconds)

    @rule(which=which, serving=which)
    def a_verifier_begins_in_the_place_of_another(self, which: int, serving: int) -> None:
        self.verifiers[which] = self.begun(self.serving[serving])

    @rule(which=which)
    def a_verifier_reads_the_log(self, which: int) -> None:
        self.verifiers[which].follower.step()

    @rule(serving=which)
    def something_ends(self, serving: int) -> None:
        auth = self.serving[serving]
        before = self.wait(auth.subjects.before("ann"))
        session = self.wait(auth.sessions.start(before.proven("pwd"), cookie=False)).session
        self.ended[session.id] = self.wait(auth.revoke(session)).effective_by

    @rule(seconds=st.sampled_from([0.3, 1.0, 3.7, 15.0]))
    def time_passes(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @invariant()
    def nobody_accepts_after_the_time_that_was_promised(self) -> None:
        now = self.clock.now()
        for known in self.verifiers:
            [bounded] = known._bounds
            if bounded.moved(known.copy.stamp):
                continue  # it knows that it does not know
            for session, effective_by in self.ended.items():
                assert now <= effective_by or session in known.copy.ended[Ends.SESSION]


TestServed = Served.TestCase
