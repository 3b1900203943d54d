"""Generations and floors, explored: what a changed password or a disabled account ended stays ended.

Two people sign in as one subject, one with the old password, one with the new, in small steps; beside them the
password is changed, roles are, and the account is disabled and enabled, each in one commit. The subject, its events,
the verdict on a session and that on a token are the real ones. The verifier knows the whole log: when it learns what
is the business of another model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache, partial
from typing import NamedTuple

import msgspec
import pytest

from admit.core.log import Copy, Raised
from admit.core.verdict import Seen, judge
from admit.errors import Revoked
from admit.sessions import Session
from admit.subjects import Before, Event, Subject
from explorer import Explored, explore
from models.verifier import principal

NAMES = ("with the old password", "with the new password")


class SignIn(NamedTuple):
    """How far a sign-in is, what it has read, and whether what it will start must not count."""

    step: int = 0
    gen: int = -1
    session: int | None = None
    doomed: bool = False


class State(NamedTuple):
    """All of the world. A token is who signed in and the generation it was minted under."""

    subject: Subject = Subject(gen=0, floor=0, app_floor=0, key_floor=0)
    password: int = 0
    happened: frozenset[str] = frozenset()
    sign_ins: tuple[SignIn, SignIn] = (SignIn(), SignIn())
    tokens: frozenset[tuple[int, int]] = frozenset()


@dataclass(frozen=True)
class Protocol:
    """In which order a sign-in goes, and what happens to a subject; a mutant differs in one of these."""

    sign_in: tuple[str, ...] = ("generation", "password", "start")
    events: dict[str, Event] = field(
        default_factory=lambda: {
            "the password is changed": Subject.proof_changed,
            "the roles are changed": partial(Subject.with_roles, roles=("editor",)),
            "the account is disabled": Subject.disabled,
            "the account is enabled": Subject.enabled,
        }
    )


def _noticed(subject: Subject, *, active: bool) -> Subject:
    """The generation rises, and no floor does."""
    return msgspec.structs.replace(subject, gen=subject.gen + 1, active=active)


WITHOUT_FLOOR: dict[str, Event] = Protocol().events | {
    "the account is disabled": partial(_noticed, active=False),
    "the account is enabled": partial(_noticed, active=True),
}

MUTANTS = {
    "generation read at start": Protocol(sign_in=("password", "generation", "start")),
    "disable without floor": Protocol(events=WITHOUT_FLOOR),
}


def test_nothing_that_a_change_ended_comes_back(record_property: Callable[[str, str], None]) -> None:
    explored = explored_by(Protocol())
    states = explored.holds()
    enabled = explored.way_to(lambda state: "the account is enabled" in state.happened and _accepted(state, 1))
    assert enabled, "a model in which nobody is signed in after a change proves nothing"
    record_property("note", states)


@pytest.mark.parametrize("mutant", MUTANTS, ids=str)
def test_a_mutant_of_generations_is_refuted(mutant: str, record_property: Callable[[str, str], None]) -> None:
    record_property("note", explored_by(MUTANTS[mutant]).refutes(mutant))


def explored_by(protocol: Protocol) -> Explored[State]:
    return explore(State(), partial(steps, protocol=protocol), what_is_wrong)


def what_is_wrong(state: State) -> str | None:
    """The promise, judged in one state."""
    for number, sign_in in enumerate(state.sign_ins):
        if not sign_in.doomed or sign_in.session is None:
            continue
        if is_valid(sign_in.session, state.subject):
            return f"P4 is broken: the session of the sign-in {NAMES[number]} is valid, though it had been ended"
        if _accepted(state, number):
            return f"P4 is broken: a token of the sign-in {NAMES[number]} is accepted, though it had been ended"
    return None


def _accepted(state: State, number: int) -> bool:
    return any(accepts(gen, state.subject.gen) for whose, gen in state.tokens if whose == number)


def steps(state: State, protocol: Protocol) -> Iterator[tuple[str, State]]:
    """Everything that may happen next."""
    for name, event in protocol.events.items():
        if name not in state.happened and (name != "the account is enabled" or not state.subject.active):
            yield name, _happened(state, name, event)
    for number in range(2):
        yield from _sign_in(state, protocol, number)
        session = state.sign_ins[number].session
        if session is not None and is_valid(session, state.subject):
            tokens = state.tokens | {(number, state.subject.gen)}
            yield f"the session {NAMES[number]} gets a token", state._replace(tokens=tokens)


def _happened(state: State, name: str, event: Event) -> State:
    """One commit. Whoever signed in by the old password is over, and who did while an account is disabled."""
    password = 1 if name == "the password is changed" else state.password
    doomed = {
        "the password is changed": (True, False),
        "the account is disabled": tuple(sign_in.step > 0 for sign_in in state.sign_ins),
        "the account is enabled": tuple(sign_in.step > 0 for sign_in in state.sign_ins),
    }.get(name, (False, False))
    one, other = (
        sign_in._replace(doomed=sign_in.doomed or over) for sign_in, over in zip(state.sign_ins, doomed, strict=True)
    )
    return state._replace(
        subject=event(state.subject), password=password, happened=state.happened | {name}, sign_ins=(one, other)
    )


def _sign_in(state: State, protocol: Protocol, number: int) -> Iterator[tuple[str, State]]:
    sign_in = state.sign_ins[number]
    if sign_in.step == len(protocol.sign_in):
        return
    action = protocol.sign_in[sign_in.step]
    after = sign_in._replace(step=sign_in.step + 1)
    match action:
        case "generation":
            before = Before(subject="ann", gen=state.subject.gen, active=state.subject.active, at=0.0)
            try:
                after = after._replace(gen=before.proven("pwd").gen)
            except Revoked:
                return
        case "password":
            if state.password != number:
                return
        case _:
            after = after._replace(session=sign_in.gen)
    one, other = state.sign_ins
    sign_ins = (after, other) if number == 0 else (one, after)
    yield f"the sign-in {NAMES[number]}: {action}", state._replace(sign_ins=sign_ins)


@cache
def is_valid(gen: int, subject: Subject) -> bool:
    """What the store says of a session that was proven under ``gen``."""
    session = Session(
        id="s",
        subject="ann",
        gen=gen,
        created_at=0.0,
        authenticated_at=0.0,
        methods=("pwd",),
        seen_at=0.0,
        idle=1.0,
        ends_at=1.0,
    )
    return session.is_valid(subject, 0.0)


@cache
def accepts(gen: int, raised: int) -> bool:
    """What a verifier that knows the whole log says of a token that was minted under ``gen``."""
    copy = Copy()
    copy.apply(Raised("ann", raised), 0.0, 0.0)
    try:
        judge(Seen(principal("s", gen, 1.0), 1.0), copy, 0.0)
    except Revoked:
        return False
    return True
