"""A verifier as a value: what the real parts of one, put together from it, know and say after something happened.

What a model's verifier does is done here by the real ``Follower``, ``Copy``, ``Lease``, ``Bounded`` and ``Gate``.
A question is played to them at its end: the clock stands at the moment it was sent until it is answered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from admit.core.ids import EVERYTHING
from admit.core.lease import Bounded, Lease, Moment
from admit.core.log import Began, Copy, Ended, Raised, encode
from admit.core.log import Entry as Spoken
from admit.core.principal import Ends, Principal
from admit.core.store import Cursor, Page
from admit.core.verdict import Seen
from admit.errors import CursorLost, Revoked, Stale, StoreUnavailable
from admit.follow import Follower
from admit.gate import Gate
from admit.testing.clock import FakeClock

LIVE = "a live session"
WORST = 16
"""Failures in a row after which the pauses of a follower are as long as they get."""

QUESTIONS = 4
"""Questions in which a follower has found what to follow, or never does."""

LONG_AGO = 99
"""Ticks: older than any bound."""


class Entry(NamedTuple):
    """An entry of the log: its position, and what it tells."""

    at: str
    what: str


class Known(NamedTuple):
    """What a verifier holds to be over, where it reads on, and how many ticks ago all that it knows was everything."""

    ended: frozenset[str] = frozenset()
    term: int = 0
    cursor: str | None = None
    age: int = LONG_AGO


class Answer(NamedTuple):
    """What arrives: entries, and the position of the end of the log where they reach it; or that a position was lost."""

    told: tuple[str, ...] = ()
    end: str | None = None
    lost: bool = False


class Parts(NamedTuple):
    """What a verifier is made of, and the ticks that are S; a mutant has another follower or another copy."""

    bound: int
    follower: type[Follower] = Follower
    copy: type[Copy] = Copy


@cache
def hears(parts: Parts, known: Known, after: str | None, sent: int, answer: Answer) -> Known:
    """What it knows when ``answer`` comes to the question for what is ``after``, ``sent`` ticks ago."""
    clock = FakeClock()
    copy, lease = _real(parts, known, clock)
    copy.cursor, copy.stamp = _position(after)
    if known.age < LONG_AGO:  # seen from the moment that the question was sent, which came later or earlier
        lease.prove(Moment(clock.now() + sent - known.age, clock.lease() + sent - known.age))

    def read(_after: Cursor | None, _patience: float) -> Iterator[Page]:
        clock.advance(sent)
        copy.cursor, copy.stamp = _position(known.cursor)  # it may have started over, meanwhile
        yield from _pages(answer)

    parts.follower(_Source(read), copy, lease, clock, bytes, bound=float(parts.bound)).step()
    return _value(parts, copy, lease)


@cache
def hears_of(parts: Parts, known: Known, what: str) -> Known:
    """What it knows when it is told of an entry by another way than the log."""
    clock = FakeClock()
    copy, lease = _real(parts, known, clock)
    copy.apply(_spoken(what), clock.now(), clock.lease())
    return _value(parts, copy, lease)


@cache
def says(parts: Parts, known: Known, session: str, gen: int) -> str:
    """What the real gate says of a token of ``session``: ``accepted``, ``ended`` or ``stale``."""
    clock = FakeClock()
    copy, lease = _real(parts, known, clock)
    gate = Gate({"token": _Token(session, gen)}, copy, clock)
    gate.open(Bounded(lease, clock, float(parts.bound), lambda: None))
    try:
        gate.verify("a token")
    except Revoked:
        return "ended"
    except Stale:
        return "stale"
    return "accepted"


@cache
def heals(parts: Parts, known: Known, log: tuple[Entry, ...]) -> tuple[float, Known]:
    """How many bounds it takes at most until it knows ``log``, from when everybody answers again; what it knows then.

    At the worst: a question is on its way and will not be answered, and so much went wrong before that the pauses
    are as long as they get. ``inf`` where it never does.
    """
    clock = FakeClock()
    copy, lease = _real(parts, known._replace(age=LONG_AGO), clock)
    began, lost = clock.lease(), [True]

    def read(after: Cursor | None, patience: float) -> Iterator[Page]:
        if lost:
            lost.clear()
            clock.advance(patience)
            raise StoreUnavailable("no answer")
        places = [entry.at for entry in log]
        if after is not None and after not in places:
            raise CursorLost("not known here")
        following = log if after is None else log[places.index(after) + 1 :]
        yield from _pages(Answer(tuple(entry.what for entry in following), end=log[-1].at))

    follower = parts.follower(_Source(read), copy, lease, clock, lambda size: b"\xff" * size, bound=float(parts.bound))
    follower._failures = WORST
    for _ in range(QUESTIONS):
        clock.advance(follower.step())
        if lease.age <= parts.bound and copy.stamp:
            return (clock.lease() - began) / parts.bound, _value(parts, copy, lease)
    return float("inf"), _value(parts, copy, lease)


@dataclass(frozen=True)
class _Source:
    """Where the follower reads the log: what a model has it read, behind a position and with so many seconds' patience."""

    answers: Callable[[Cursor | None, float], Iterator[Page]]

    def read(self, after: Cursor | None, wait: float, probe: str, within: float) -> Iterator[Page]:
        """What the model says. Raises CursorLost, StoreUnavailable."""
        del probe  # what comes without it is no answer, and so is nothing that could be played
        return self.answers(after, wait + within)

    def close(self) -> None:
        """Nothing was opened."""


class _Token:
    """A kind of credential: tokens of one session, minted under one generation."""

    looked_up = False

    def __init__(self, session: str, gen: int) -> None:
        self._session = session
        self._gen = gen

    def verify(self, text: str, now: float) -> Seen:
        """Good, by itself."""
        return Seen(principal(self._session, self._gen, now + 600), now + 600)

    async def look_up(self, text: str, now: float) -> Seen:
        """Good, by itself."""
        return self.verify(text, now)

    async def lasts(self, who: Principal, now: float) -> float:
        """Longer than any model."""
        return who.expires_at


def principal(session: str, gen: int, until: float) -> Principal:
    """Whom a credential of ``session``, found good under generation ``gen``, speaks for."""
    return Principal(
        subject="ann",
        credential="token",
        session=session,
        scope=frozenset(),
        roles=frozenset(),
        methods=(),
        authenticated_at=0.0,
        expires_at=until,
        gen=gen,
        marks=(session, "", "", "", ""),
    )


def _pages(answer: Answer) -> Iterator[Page]:
    """An answer as a follower reads it, an entry in each piece. Raises CursorLost, StoreUnavailable where it is cut off."""
    if answer.lost:
        raise CursorLost("not known here")
    for what in answer.told:
        yield Page((encode(_spoken(what)),), None, end=False, stamp=b"")
    if answer.end is None:
        raise StoreUnavailable("cut off")
    yield Page((), Cursor(answer.end), end=True, stamp=answer.end.encode())


def _spoken(what: str) -> Spoken:
    if what == "began":
        return Began("a history")
    return Raised(EVERYTHING, 1) if what == EVERYTHING else Ended(Ends.SESSION, what)


def _position(cursor: str | None) -> tuple[Cursor | None, bytes]:
    return (None, b"") if cursor is None else (Cursor(cursor), cursor.encode())


def _real(parts: Parts, known: Known, clock: FakeClock) -> tuple[Copy, Lease]:
    copy, lease = parts.copy(), Lease(clock)
    for session in known.ended:
        copy.apply(_spoken(session), clock.now(), clock.lease())
    copy.term = known.term
    copy.cursor, copy.stamp = _position(known.cursor)
    if known.age < LONG_AGO:
        lease.prove(Moment(clock.now() - known.age, clock.lease() - known.age))
    return copy, lease


def _value(parts: Parts, copy: Copy, lease: Lease) -> Known:
    age = LONG_AGO if lease.age > parts.bound else round(lease.age)
    return Known(frozenset(copy.ended[Ends.SESSION]), copy.term, copy.cursor, age)
