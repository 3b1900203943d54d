"""Asking the authority about a credential, explored: an answer vouches for no longer than since it was asked for.

A session is ended once. A verifier follows the log, and asks about the session's cookie by two questions that may be on
their way together; the answers are kept, and every use is judged by the real gate, whose lease is as old as the younger
of what the log and what the answer prove. Time passes between any two steps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import pytest

from counts import times
from explorer import Explored, explore
from models.verifier import LONG_AGO, Answer, Known, Parts, hears, hears_of, says

S = times("ticks of the bound in a model")
PARTS = Parts(S)
NOT_YET, COMMITTED = -2, -1
SESSION = "s0"


class Reading(NamedTuple):
    """A read of the log on its way: ticks since it was sent, and what it brings once it was answered."""

    sent: int
    brings: Answer | None = None


class Asking(NamedTuple):
    """A question about the cookie on its way: ticks since it was sent, and what was found once it was answered."""

    sent: int
    found: str = ""


class State(NamedTuple):
    """All of the world. ``worker_knows`` is whether the process that answers has read the end for itself."""

    progress: int = NOT_YET
    worker_knows: bool = False
    known: Known = Known()
    reading: Reading | None = None
    asking: tuple[Asking | None, Asking | None] = (None, None)
    vouched: int | None = None
    refused: bool = False


@dataclass(frozen=True)
class Protocol:
    """How it is done; a mutant differs in one of these."""

    judged_on_use: bool = True
    vouched_when_sent: bool = True
    answers_from_the_store: bool = True
    remembers_what_is_gone: bool = True


MUTANTS = {
    "cache invalidated instead of checked on use": (Protocol(judged_on_use=False), "P4"),
    "vouched at completion": (Protocol(vouched_when_sent=False), "P1"),
    "introspection from a copy": (Protocol(answers_from_the_store=False), "P1"),
    "what was found gone is not remembered": (Protocol(remembers_what_is_gone=False), "P4"),
}


def test_no_answer_that_was_kept_is_accepted_later_than_s(record_property: Callable[[str, str], None]) -> None:
    explored = explored_by(Protocol())
    states = explored.holds()
    without_log = explored.way_to(lambda state: state.known.cursor is None and accepts(state, Protocol()))
    assert without_log, "an answer is worth nothing where the log cannot be read"
    record_property("note", states)


@pytest.mark.parametrize("mutant", MUTANTS, ids=str)
def test_a_mutant_of_asking_is_refuted(mutant: str, record_property: Callable[[str, str], None]) -> None:
    protocol, promise = MUTANTS[mutant]
    record_property("note", explored_by(protocol).refutes(mutant, promise))


def explored_by(protocol: Protocol) -> Explored[State]:
    return explore(State(), partial(steps, protocol=protocol), partial(what_is_wrong, protocol=protocol))


def what_is_wrong(state: State, protocol: Protocol) -> str | None:
    """The promises, judged in one state."""
    if not accepts(state, protocol):
        return None
    if state.progress > S:
        return "P1 is broken: the cookie is accepted, more than S after its end was acknowledged"
    if state.refused:
        return "P4 is broken: the cookie is accepted again"
    return None


def accepts(state: State, protocol: Protocol) -> bool:
    """Whether the cookie is accepted without another question."""
    if state.vouched is None:
        return False
    ended = state.known.ended if protocol.judged_on_use else frozenset[str]()
    age = min(state.known.age, state.vouched)
    # An answer counts even where the log was never read to its end.
    known = Known(ended, cursor=state.known.cursor or "none", age=age)
    return says(PARTS, known, SESSION, 0) == "accepted"


def steps(state: State, protocol: Protocol) -> Iterator[tuple[str, State]]:
    """Everything that may happen next."""
    yield "a tick passes", _later(state)
    if state.progress == NOT_YET:
        yield "the end is committed", state._replace(progress=COMMITTED)
    if state.progress == COMMITTED:
        yield "the end is acknowledged", state._replace(progress=0)
    if not protocol.answers_from_the_store and not state.worker_knows and state.progress != NOT_YET:
        yield "the worker that answers reads the log for itself", state._replace(worker_knows=True)
    yield from _read(state, protocol)
    for number in range(2):
        yield from _ask(state, protocol, number)


def _read(state: State, protocol: Protocol) -> Iterator[tuple[str, State]]:
    reading, known = state.reading, state.known
    if reading is None:
        yield "the verifier asks for the log", state._replace(reading=Reading(0))
        return
    yield "the log does not come", state._replace(reading=None)
    if reading.brings is None:
        told = () if state.progress == NOT_YET or known.cursor == SESSION else (SESSION,)
        answer = Answer(told, end="began" if state.progress == NOT_YET else SESSION)
        words = "with the end" if told else "with nothing new"
        yield f"the log is sent, {words}", state._replace(reading=reading._replace(brings=answer))
    else:
        after = hears(PARTS, known, known.cursor, reading.sent, reading.brings)
        state = state._replace(known=after, reading=None, refused=state.refused or SESSION in after.ended)
        if not protocol.judged_on_use and SESSION in reading.brings.told:
            state = state._replace(vouched=None)
        yield "the log arrives", state


def _ask(state: State, protocol: Protocol, number: int) -> Iterator[tuple[str, State]]:
    asking, name = state.asking[number], f"question {number + 1} about the cookie"
    if asking is None:
        yield f"{name} is sent", _asking(state, number, Asking(0))
        return
    yield f"{name} is lost", _asking(state, number, None)
    if not asking.found:
        over = state.progress != NOT_YET if protocol.answers_from_the_store else state.worker_knows
        found = "over" if over else "good"
        yield f"{name} is answered: {found}", _asking(state, number, asking._replace(found=found))
        return
    state = _asking(state, number, None)
    if asking.found == "good":
        yield f"{name} comes back: good", state._replace(vouched=asking.sent if protocol.vouched_when_sent else 0)
    else:
        known = hears_of(PARTS, state.known, SESSION) if protocol.remembers_what_is_gone else state.known
        yield f"{name} comes back: over", state._replace(vouched=None, known=known, refused=True)


def _asking(state: State, number: int, asking: Asking | None) -> State:
    one, other = state.asking
    return state._replace(asking=(asking, other) if number == 0 else (one, asking))


def _later(state: State) -> State:
    one, other = (asking and asking._replace(sent=min(asking.sent + 1, S + 1)) for asking in state.asking)
    return state._replace(
        # What is older than S is too old, however much.
        progress=min(state.progress + 1, S + 1) if state.progress >= 0 else state.progress,
        known=state.known._replace(age=state.known.age + 1 if state.known.age < S else LONG_AGO),
        reading=state.reading and state.reading._replace(sent=min(state.reading.sent + 1, S + 1)),
        asking=(one, other),
        vouched=None if state.vouched is None else min(state.vouched + 1, S + 1),
    )
