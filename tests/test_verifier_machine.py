"""A verifier behind a wire that loses, tears, delays and repeats, with a clock that jumps: P1, P4, and it works."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from admit import TokenPolicy
from admit.core import jwt
from admit.core.presented import BEARER
from admit.core.principal import Principal
from admit.core.session_policy import RELAXED
from admit.core.store import Page
from admit.core.verdict import Seen
from admit.errors import BadCredential, CursorLost, Revoked, Stale
from admit.gate import Gate
from admit.sessions import Session
from admit.testing.clock import FakeClock
from wire import BOUND, Afar, Wire
from worlds import ISSUER, authority

T = TypeVar("T")
LIFE = 3_600.0


class Elsewhere(FakeClock):
    """The clocks of another machine: the same time passes, and its wall clock is set by somebody else."""

    def __init__(self, here: FakeClock) -> None:
        super().__init__()
        self._here = here
        self.off = 0.0

    def now(self) -> float:
        return self._here.now() + self.off

    def lease(self) -> float:
        return self._here.lease()


@dataclass(eq=False)
class Issued:
    """A token, its session, and when it was ended and refused for it (lease clock)."""

    text: str
    session: Session
    subject: str
    expires: float
    ended: float | None = None
    refused: bool = False


class Travel(RuleBasedStateMachine):
    """An authority in memory, and a verifier that follows its log a step at a time."""

    issued = Bundle("issued")

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.clock = FakeClock()
        self.there = Elsewhere(self.clock)
        self.auth = authority("memory://", self.clock, tokens=TokenPolicy(access=LIFE), sessions=RELAXED)
        self.wait(self.auth.open())
        self.all: list[Issued] = []
        store = self.auth._ledger.store
        assert store.tail is not None
        self.wire = Wire(store.tail)
        self.afar = Afar(self.wire, self.there)
        self.gate = Gate({BEARER: self}, self.afar.copy, self.there)
        self.gate.open(self.afar.bounded)

    # The kind of credential that the gate of the verifier is given: a token, and the keys that the authority has.
    looked_up = False

    def verify(self, text: str, now: float) -> Seen:
        rules = jwt.Rules(issuer=ISSUER, audience=ISSUER, leeway=60.0)
        return jwt.proven(text, self.auth.keys.verifying(self.clock.now()), rules, now)

    async def look_up(self, text: str, now: float) -> Seen:
        raise AssertionError(f"a token is never looked up: {text} at {now}")

    async def lasts(self, who: Principal, now: float) -> float:
        raise AssertionError(f"nobody waits for {who} at {now}")

    def wait(self, doing: Awaitable[T]) -> T:
        return self.loop.run_until_complete(doing)

    def teardown(self) -> None:
        self.wait(self.auth.close())
        self.loop.close()

    @rule(target=issued, subject=st.sampled_from(["ann", "bob"]))
    def sign_in(self, subject: str) -> Issued:
        self.read()
        before = self.wait(self.auth.subjects.before(subject))
        session = self.wait(self.auth.sessions.start(before.proven("pwd"), cookie=False)).session
        text = self.wait(self.auth.tokens.access(session))
        made = Issued(text, session, subject, self.clock.now() + LIFE)
        self.all.append(made)
        return made

    @rule(one=issued)
    def revoke(self, one: Issued) -> None:
        self.wait(self.auth.revoke(one.session))
        self.over(lambda each: each.session.id == one.session.id)

    @rule(one=issued)
    def sign_out_everywhere(self, one: Issued) -> None:
        self.wait(self.auth.sessions.sign_out_everywhere(one.subject))
        self.over(lambda each: each.subject == one.subject)

    @rule(really=st.integers(0, 4).map(lambda number: number == 0))
    def restore(self, really: bool) -> None:
        if not really:  # everything is over then, and nothing is left to look at
            return
        # The next term begins a second later, as it does where people restore.
        self.clock.advance(1.0)
        self.wait(self.auth.restore())
        self.over(lambda _: True)

    def over(self, which: Any) -> None:
        for each in filter(which, self.all):
            each.ended = self.clock.lease() if each.ended is None else each.ended

    @rule(
        before=st.booleans(),
        set_by=st.sampled_from([0.0, -29.0, 29.0, -7_200.0]),
        seconds=st.sampled_from([0.7, 1.9, 2.1, 50 * 60.0]),
    )
    def time_passes(self, before: bool, set_by: float, seconds: float) -> None:
        if before:
            self.read()
        self.there.off += set_by
        self.clock.advance(seconds)

    @rule()
    def read(self) -> None:
        self.wire.fault = list[Page]
        self.afar.follower.step()

    @rule(one=issued, seconds=st.sampled_from([0.5, 1.9, 2.5]), set_by=st.sampled_from([0.0, -7_200.0]))
    def read_overtaken(self, one: Issued, seconds: float, set_by: float) -> None:
        """The answer is on its way while something ends, time passes and the clock is set."""

        def late(pages: list[Page]) -> list[Page]:
            self.revoke(one)
            self.clock.advance(seconds)
            self.there.off += set_by
            self.present_all()
            return pages

        self.wire.fault = late
        self.afar.follower.step()

    @rule()
    def read_torn(self) -> None:
        self.wire.fault = lambda pages: [Page(page.entries[:1], None, end=False, stamp=b"") for page in pages]
        self.afar.follower.step()

    @rule()
    def lose_the_position(self) -> None:
        def lost(pages: list[Page]) -> list[Page]:
            raise CursorLost(f"{len(pages)} pages that nobody knows", trimmed=True)

        self.wire.fault = lost
        self.afar.follower.step()

    @invariant()
    def present_all(self) -> None:
        """Everybody knocks after every step."""
        for one in self.all:
            self.accepts(one)

    def accepts(self, one: Issued) -> bool:
        try:
            self.gate.verify(one.text)
        except Revoked:
            assert one.ended is not None, "what nobody ended is refused"
            one.refused = True
            return False
        except (BadCredential, Stale):  # expired, or from the future, by a clock that was set
            return False
        assert not one.refused, "P4: what was refused is accepted again"
        # A hair more than the bound: the clocks are sums of fractions.
        assert one.ended is None or self.clock.lease() - one.ended <= BOUND + 1e-6, "P1: accepted too late"
        return True

    @rule()
    def all_is_well_again(self) -> None:
        self.there.off = 0.0
        self.read()
        self.present_all()  # the first use may notice that the clock was set back, and begin the log anew
        self.read()
        accepted = [each for each in self.all if self.accepts(each)]
        alive = [each for each in self.all if each.ended is None and self.clock.now() < each.expires]
        assert [each for each in alive if each not in accepted] == [], "it works: nothing is wrong any more"
        assert [each for each in accepted if each.ended is not None] == [], "P3: all that has ended is known"


TestTravel = Travel.TestCase
