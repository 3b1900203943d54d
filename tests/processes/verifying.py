"""A verifier in a process of its own: verifies all it is given, again and again, and writes down each answer and its time."""

from __future__ import annotations

import itertools
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from admit import Request, Verifier
from admit.core.lease import Bounded
from admit.errors import AdmitError, Denied, Revoked
from admit.system import SystemClock
from processes.crew import Line

SWEEP_EVERY = 0.01
"""Seconds between two sweeps over all that a verifier was given."""

SELDOM = 16
"""What was refused as revoked is tried in one of so many sweeps only."""

ACCEPTED, REVOKED, REFUSED, STALE = "A", "R", "D", "S"

instant = SystemClock().lease
"""One clock for all processes of this machine; it goes on while they are stopped."""


@dataclass(frozen=True, slots=True)
class Try:
    """That a verification of a token, by its number, began at an instant, how it was answered, and when."""

    began: float
    token: int
    answer: str
    answered: float


class Lines:
    """The lines of a file that grows; of one that is being written, nothing yet."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read = 0

    def read(self) -> list[str]:
        """Those that came since the last time."""
        with self._path.open("rb") as file:
            file.seek(self._read)
            came = file.read()
        whole = came[: came.rfind(b"\n") + 1]
        self._read += len(whole)
        return whole.decode().splitlines()


class Book:
    """What a verifier wrote into a file, read on whenever somebody looks."""

    def __init__(self, path: Path) -> None:
        path.touch()
        self._lines = Lines(path)
        self._tries: list[Try] = []

    def read(self) -> list[Try]:
        """All of it until now, in its order; of a line that was being written when it was killed, nothing."""
        for words in map(str.split, self._lines.read()):
            if len(words) == 4:
                began, answered, token, answer = words
                self._tries.append(Try(float(began), int(token), answer, float(answered)))
        return self._tries

    def since(self, moment: float) -> Sequence[Try]:
        """The tries that began at ``moment`` or later."""
        tries = self.read()
        return tries[bisect_left(tries, moment, key=lambda one: one.began) :]


class Stepped(SystemClock):
    """The clocks of this machine, the wall clock set ahead or back by ``by`` seconds."""

    by = 0.0

    def now(self) -> float:
        return super().now() + self.by


class Trusting(Bounded):
    """A planted fault: a lease that never runs out."""

    def moved(self, stamp: bytes) -> bool:
        return False


def _line(one: Try) -> str:
    return f"{one.began:.6f} {one.answered:.6f} {one.token} {one.answer}\n"


async def _answer(gate: Verifier, token: str, *, asks: bool) -> str:
    try:
        if asks:
            await gate.admit(
                Request("GET", "https://api.example.com/", ((b"authorization", f"Bearer {token}".encode()),))
            )
        else:
            gate.verify(token)
    except Revoked:
        return REVOKED
    except Denied:
        return REFUSED
    except AdmitError:
        return STALE
    return ACCEPTED


async def _sweep(gate: Verifier, tokens: list[str], revoked: set[int], turn: int, *, asks: bool) -> list[Try]:
    tries: list[Try] = []
    for number, token in enumerate(tokens):
        if number in revoked and (turn + number) % SELDOM:
            continue
        began = instant()
        tries.append(Try(began, number, await _answer(gate, token, asks=asks), instant()))
        if tries[-1].answer == REVOKED:
            revoked.add(number)
    return tries


async def verifier(
    line: Line, issuer: str, key: str, given: Path, book: Path, bound: float, *, asks: bool = False, leased: bool = True
) -> None:
    """Verifies the tokens of ``given`` and writes into ``book``; steps its wall clock by the seconds it is told."""
    clock = Stepped()
    gate = Verifier(
        issuer, audience=issuer, key=key, max_staleness=bound, outage="ask" if asks else "closed", clock=clock
    )
    if not leased:
        gate._gate.open(Trusting(gate._known.lease, clock, bound, gate._known.follower.start))
    gate._known.follower.start()
    tokens, more, revoked = list[str](), Lines(given), set[int]()
    with book.open("ab", buffering=0) as out:
        out.write(b"\n")  # whoever wrote here before may have been killed in the middle of a line
        line.say("ready")
        for turn in itertools.count():
            tokens += more.read()
            tries = await _sweep(gate, tokens, revoked, turn, asks=asks)
            out.write("".join(map(_line, tries)).encode())
            if line.called(SWEEP_EVERY):
                clock.by = line.hear()
                line.say("stepped")
