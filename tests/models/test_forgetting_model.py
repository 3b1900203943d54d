"""Forgetting what has ended, explored with two clocks: no step of a clock and no sleep revives a token that was revoked.

One token of the longest life is revoked. Its verifier uses it now and then, follows the log, which keeps the entry, and
lives on a machine whose wall clock is set ahead and back, and which sleeps without its other clock noticing. Time goes
by in steps of some twenty minutes. The token, the gate, the copy and the lease are the real ones. The wall clock may be wrong
by an hour either way. The token comes from an issuer whose clock was ahead of it by as much as is allowed, and it is
never behind what it was then: there nothing is promised.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache, partial
from typing import NamedTuple

import pytest

from admit.core import jwt
from admit.core.lease import Bounded, Lease, Moment
from admit.core.log import LEAD, Copy, Ended, encode
from admit.core.principal import Ends, Principal
from admit.core.store import Cursor, Page
from admit.core.verdict import Seen
from admit.errors import BadCredential, Stale
from admit.gate import Gate
from admit.testing.clock import FakeClock
from explorer import Explored, explore
from models.verifier import principal

STEP = 65 * 60 / 3
"""Seconds from one moment of the model to the next: after three of them a token is over, unless its issuer's clock led."""

LAST = 6
"""The moment at which the model ends, long after the token."""

FAR = 3
"""Moments by which a wall clock is wrong at most."""

SESSION = "s0"
BEGIN = 1_000_000.0
"""What the wall clock of the verifier says when the token is issued; and that of the issuer:"""
ISSUED = BEGIN + LEAD
RULES = jwt.Rules(issuer="https://issuer.example", audience="https://api.example", leeway=jwt.MAX_LEEWAY)


MakesCopy = Callable[[], Copy]


class Remembered(NamedTuple):
    """When an entry was applied last (wall and lease clock, seconds), of those that are to be forgotten together."""

    opened: float
    lease: float
    wall: float


class State(NamedTuple):
    """All of the world, in moments since the token was issued: what time it is, and what the clocks say.

    ``batch`` is how the copy remembers the end, None where it does not; ``ahead`` is the copy's memory of the clocks,
    ``read`` whether it has read the log to its end since it started over.
    """

    true: int = 0
    wall: int = 0
    lease: int = 0
    revoked: bool = False
    knows: bool = False
    batch: Remembered | None = None
    ahead: float = float("-inf")
    read: bool = True


class ByTheLeaseClock(Copy):
    """Forgets by the lease clock alone."""

    def tick(self, now: float, lease: float) -> bool:
        """Forget what the lease clock says is old."""
        for batch in self._batches:
            batch.wall = float("-inf")
        return super().tick(now, lease)


class ByTheWallClock(Copy):
    """Forgets by the wall clock alone, and takes that for the time."""

    def tick(self, now: float, lease: float) -> bool:
        """Forget what the wall clock says is old."""
        for batch in self._batches:
            batch.lease = float("-inf")
        self._ahead = float("-inf")
        return super().tick(now, lease)


class TrustsTheIssuersClock(Copy):
    """Forgets as if the clock of whoever issued the token were no other."""

    def tick(self, now: float, lease: float) -> bool:
        """Forget what is old by both clocks, too soon."""
        return super().tick(now + LEAD, lease + LEAD)


class NeverStartsOver(Copy):
    """Forgets by both clocks, and does not notice that one of them was set back."""

    def tick(self, now: float, lease: float) -> bool:
        """Forget what both clocks say is old."""
        self._ahead = float("-inf")
        return super().tick(now, lease)


MUTANTS: dict[str, MakesCopy] = {
    "forgetting by the lease clock only": ByTheLeaseClock,
    "forgetting by the wall clock only": ByTheWallClock,
    "forgetting before a token of a fast issuer is over": TrustsTheIssuersClock,
    "going on when the wall clock was set back": NeverStartsOver,
}


def test_no_step_of_a_clock_revives_what_was_revoked(record_property: Callable[[str, str], None]) -> None:
    explored = explored_by(Copy)
    states = explored.holds()
    forgotten = explored.way_to(lambda state: state.revoked and state.knows and state.batch is None)
    assert forgotten, "a copy that never forgets anything proves nothing"
    before = explored.way_to(lambda state: state.revoked and verified(state, Copy)[0] == "accepted")
    assert before, "a token that nobody accepts before its end is known proves nothing"
    record_property("note", states)


@pytest.mark.parametrize("mutant", MUTANTS, ids=str)
def test_a_mutant_of_forgetting_is_refuted(mutant: str, record_property: Callable[[str, str], None]) -> None:
    record_property("note", explored_by(MUTANTS[mutant]).refutes(mutant))


def explored_by(copy: MakesCopy) -> Explored[State]:
    return explore(State(), partial(steps, copy=copy), partial(what_is_wrong, copy=copy))


def what_is_wrong(state: State, copy: MakesCopy) -> str | None:
    """The promise, judged in one state."""
    if state.knows and verified(state, copy)[0] == "accepted":
        return "P4 is broken: the token is accepted again"
    return None


def steps(state: State, copy: MakesCopy) -> Iterator[tuple[str, State]]:
    """Everything that may happen next."""
    if state.true < LAST:
        later = state._replace(true=state.true + 1, wall=state.wall + 1)
        yield "some time passes", later._replace(lease=state.lease + 1)
        yield "the machine sleeps, and only the wall clock knows", later
    # Never to before the token was issued: what is ended while it is from further ahead is forgotten too early.
    for by in (-FAR, FAR):
        if abs(state.wall + by - state.true) <= FAR and state.wall + by >= 0:
            words = f"the wall clock is set {'back' if by < 0 else 'ahead'} by {abs(by) * STEP / 60:g} minutes"
            yield words, state._replace(wall=state.wall + by)
    if not state.revoked:
        yield "the token is revoked", state._replace(revoked=True)
    if state.revoked:
        yield "the log is read to its end", read(state, copy)
    said, after = verified(state, copy)
    yield f"the token is presented: {said}", after


def read(state: State, copy: MakesCopy) -> State:
    """The verifier reads the log from its beginning to its end."""
    real, clock = _real(state, copy)
    page = Page((encode(Ended(Ends.SESSION, SESSION)),), Cursor("end"), end=True, stamp=b"end")
    real.take(page, clock.now(), clock.lease())
    return _value(state, real)._replace(knows=True)


@cache
def verified(state: State, copy: MakesCopy) -> tuple[str, State]:
    """What the real gate says of the token, and what the copy is afterwards."""
    real, clock = _real(state, copy)
    lease = Lease(clock)
    lease.prove(Moment.of(clock))  # the log is followed without pause: its age is another model's business
    gate = Gate({"token": _Token()}, real, clock)
    gate.open(Bounded(lease, clock, 2.0, lambda: None))
    said = "accepted"
    try:
        gate.verify("the token")
    except BadCredential as refused:
        said = type(refused).__name__.lower()
    except Stale:
        said = "stale"
    return said, _value(state, real)


class _Token:
    """Tokens of the longest life, judged as those are whose signature was good."""

    looked_up = False

    def verify(self, text: str, now: float) -> Seen:
        """What the token proves at ``now``. Raises BadCredential, Expired."""
        until = ISSUED + jwt.MAX_LIFE
        jwt._judge(CLAIMS, RULES, now)
        return Seen(principal(SESSION, 0, until), until + RULES.leeway)

    async def look_up(self, text: str, now: float) -> Seen:
        """The same."""
        return self.verify(text, now)

    async def lasts(self, who: Principal, now: float) -> float:
        """Until it expires."""
        return who.expires_at


CLAIMS = jwt.AccessToken(
    iss=RULES.issuer,
    sub="ann",
    aud=RULES.audience,
    exp=int(ISSUED + jwt.MAX_LIFE),
    iat=int(ISSUED),
    jti="t",
    client_id="first-party",
    scope="",
    roles=(),
    sid=SESSION,
    gen=0,
    auth_time=int(ISSUED),
    amr=("pwd",),
)


def _real(state: State, copy: MakesCopy) -> tuple[Copy, FakeClock]:
    """The copy as it was at its last tick or read, and the clocks as they are now."""
    real, clock = copy(), FakeClock(BEGIN)
    if state.batch is not None:
        real.apply(Ended(Ends.SESSION, SESSION), state.batch.wall, state.batch.lease)
        real._batches[0].opened = state.batch.opened
    real._ahead = state.ahead
    if state.read:
        real.cursor, real.stamp = Cursor("end"), b"end"
    clock.advance(state.lease * STEP)
    clock.step_wall((state.wall - state.lease) * STEP)
    return real, clock


def _value(state: State, real: Copy) -> State:
    batch = real._batches[0] if real._batches else None
    remembered = None if batch is None else Remembered(batch.opened, batch.lease, batch.wall)
    return state._replace(batch=remembered, ahead=real._ahead, read=bool(real.stamp))
