"""The clocks of a service are set, or stood still while its machine slept, and it accepts what has ended since (TOK-06).

A lease that is measured by one clock alone does not run out while that clock stands still or goes back, and what was
forgotten by a clock that was ahead comes back when it is set right.
"""

from __future__ import annotations

import json
import time
from contextlib import suppress

import pytest

from admit import Verifier
from admit.core.log import KEEP, MAX_CLOCK_FALL
from admit.errors import Denied, Revoked, Stale
from admit.system import SystemClock
from followed import liar, token, until, until_revoked, verifier
from liar import Liar

__all__ = ["liar", "verifier"]

SESSION = "7" * 22
END = json.dumps(["ended", 0, SESSION]).encode()


class Apart(SystemClock):
    """The clocks of this machine, each set by so many seconds."""

    wall = elapsed = 0.0

    def now(self) -> float:
        return super().now() + self.wall

    def lease(self) -> float:
        return super().lease() + self.elapsed


@pytest.fixture
def clock() -> Apart:
    return Apart()


def fall_silent(liar: Liar) -> None:
    liar.answers["/auth/revocations"] = lambda _, __: 503


@pytest.mark.parametrize(("wall", "elapsed"), [(2.1, 2.1), (2.1, 0.0), (0.0, 2.1), (-20.0, 2.1)])
def test_whoever_wakes_up_accepts_nothing_before_the_log_is_seen_again(
    verifier: Verifier, liar: Liar, clock: Apart, wall: float, elapsed: float
) -> None:
    """Whichever clock stood still meanwhile, or was set back at the same time."""
    verifier.open()
    text = token(liar, sid=SESSION, now=clock.now() - 60)
    verifier.verify(text)
    fall_silent(liar)
    liar.entries.append(END)
    clock.wall, clock.elapsed = wall, elapsed
    with pytest.raises(Stale):
        verifier.verify(text)
    liar.answers["/auth/revocations"] = lambda liar, query: liar.log(query)
    clock.wall = 0.0
    until_revoked(verifier, text)


def test_the_clock_of_the_lease_goes_on_while_the_machine_sleeps(monkeypatch: pytest.MonkeyPatch) -> None:
    """CLOCK_BOOTTIME, of which Linux says that it does; on a machine that never slept others say the same."""
    monkeypatch.setattr(time, "clock_gettime", float)
    assert SystemClock().lease() == getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


@pytest.mark.parametrize("steps", [(7_200.0, 0.0), (-7_200.0, 0.0), (KEEP + 600, 0.0, -600.0)])
def test_no_step_of_the_wall_clock_brings_back_what_has_ended(
    verifier: Verifier, liar: Liar, clock: Apart, steps: tuple[float, ...]
) -> None:
    verifier.open()
    text = token(liar, sid=SESSION)
    liar.entries.append(END)
    until_revoked(verifier, text)
    # Reading all of the log again does not tell it a second time: it is what is remembered that counts.
    liar.entries[-1] = END.replace(b"7", b"8")
    for step in steps:
        clock.wall = step
        until_asked_again(liar)
        until_refused(verifier, text)
    clock.wall = 0.0
    until_revoked(verifier, text)


def until_asked_again(liar: Liar) -> None:
    asked = liar.asked_for("revocations")
    until(lambda: liar.asked_for("revocations") > asked + 1)


def until_refused(verifier: Verifier, text: str) -> None:
    """It is refused, in whatever words: expired, from the future, revoked; and never accepted on the way there."""

    def refused() -> bool:
        try:
            verifier.verify(text)
        except Denied:
            return True
        except Stale:
            return False
        raise AssertionError("it was accepted")

    until(refused)


def test_a_clock_that_falls_behind_makes_it_read_all_of_the_log_again(
    verifier: Verifier, liar: Liar, clock: Apart
) -> None:
    questions: list[dict[str, str]] = []

    def noted(liar: Liar, query: dict[str, str]) -> bytes:
        questions.append(query)
        return liar.log(query)

    liar.answers["/auth/revocations"] = noted
    verifier.open()
    text = token(liar)
    verifier.verify(text)
    until(lambda: "after" in questions[-1])
    clock.wall = -MAX_CLOCK_FALL - 5
    began = len(questions)

    def read_anew() -> bool:
        with suppress(Denied, Stale):
            verifier.verify(text)
        return any("after" not in query for query in questions[began:])

    until(read_anew)
    liar.entries.append(END)
    until_revoked(verifier, token(liar, sid=SESSION, now=clock.now()))
    with pytest.raises(Revoked):
        verifier.verify(token(liar, sid=SESSION, now=clock.now()))
