"""The protocol of the stamp, explored in every order of its steps: no end is missed, and what a crash leaves heals.

Two writers each end a session of their own, a verifier or two judge both sessions for ever, a purge runs beside
them, and any process may die between any two steps. What a process knows is kept in a real ``Copy``, and the verdict is the real one. Time does
not exist here, so that whatever waits for a while in the program may happen at once in the model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, NamedTuple, TypeVar

import pytest

from admit.core.log import Began, Copy, Ended, encode
from admit.core.principal import Ends, Principal
from admit.core.store import Cursor, Page
from admit.core.verdict import Seen, judge
from admit.errors import Revoked
from counts import times
from explorer import Explored, explore

SESSIONS = ("s0", "s1")
NOBODY = ""
T = TypeVar("T")


class Known(NamedTuple):
    """A ``Copy`` as a value: what it holds to be over, and up to which entry the log was read."""

    ended: frozenset[str]
    cursor: str | None
    stamp: str


class Writer(NamedTuple):
    """How far it is in its program, and what it held in its hand."""

    step: int = 0
    held: frozenset[str] | None = None


class Verifier(NamedTuple):
    """How far it is, what had been acknowledged when it began, whether the stamp moved, and what it read."""

    step: int = 0
    mark: frozenset[str] = frozenset()
    moved: bool = False
    read: tuple[str, ...] = ()
    held: frozenset[str] | None = None


class State(NamedTuple):
    """All of the world: the database, the stamp file, and everybody who works on them."""

    log: tuple[str, ...] = ("began",)
    purged: frozenset[str] = frozenset()
    lock: str = NOBODY
    head: str = "began"
    settled: str = "began"
    writers: tuple[Writer, ...] = (Writer(), Writer())
    verifiers: tuple[Verifier, ...] = (Verifier(),)
    purger: int = 0
    copies: tuple[Known, ...] = (Known(frozenset(), None, ""),) * 2
    acknowledged: frozenset[str] = frozenset()
    dead: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Protocol:
    """Who does what in which order; a mutant differs in one of these."""

    write: tuple[str, ...] = ("lock", "settle", "head", "commit", "compare", "settled", "tell")
    verify: tuple[str, ...] = ("begin", "compare", "read", "take", "judge")
    purge: tuple[str, ...] = ("lock", "settle", "commit")
    own_apply_moves_the_cursor: bool = False
    verifiers_live_in: tuple[int, ...] = (0,)


MUTANTS: dict[str, dict[str, Any]] = {
    "head written after commit": {"write": ("lock", "settle", "commit", "head", "compare", "settled", "tell")},
    "own apply moves the cursor": {"own_apply_moves_the_cursor": True},
    "copy and swap": {
        "write": ("lock", "settle", "head", "commit", "compare", "settled", "hold", "tell"),
        "verify": ("begin", "compare", "read", "hold", "take", "judge"),
    },
    "compare before the await": {"verify": ("compare", "begin", "read", "take", "judge")},
    "no settling before the head": {"write": ("lock", "head", "commit", "tell"), "purge": ("lock", "commit")},
    "settled before commit": {"write": ("lock", "head", "settled", "commit", "tell")},
}


WORLDS: dict[str, tuple[int, ...]] = {
    "one verifier": (0,),
    "a verifier in each process": (0, 1),
    "both in one process": (0, 0),
}
"""In which of the two processes verifiers live."""


@pytest.mark.parametrize("world", [*WORLDS][: times("worlds of the stamp")])
def test_no_order_of_the_steps_accepts_what_was_ended(world: str, record_property: Callable[[str, str], None]) -> None:
    explored = explored_by(Protocol(verifiers_live_in=WORLDS[world]))
    record_property("note", explored.holds())
    assert len(explored) > 10_000, "so few states cannot be all"


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_mutant_is_refuted(mutant: str, record_property: Callable[[str, str], None]) -> None:
    record_property("note", explored_by(Protocol(**MUTANTS[mutant])).refutes(mutant))


def explored_by(protocol: Protocol) -> Explored[State]:
    begin = State(verifiers=(Verifier(),) * len(protocol.verifiers_live_in))
    return explore(begin, partial(steps, protocol=protocol), partial(what_is_wrong, protocol=protocol))


def what_is_wrong(state: State, protocol: Protocol) -> str | None:
    """The promises, judged in one state."""
    for number, verifier in enumerate(state.verifiers):
        if verifier.step < len(protocol.verify) and protocol.verify[verifier.step] == "judge":
            accepted = {sid for sid in SESSIONS if not is_over(_copy(state, protocol, number).ended, sid)}
            if missed := accepted & verifier.mark - state.purged:
                return f"verifier {number} accepts {missed.pop()}, whose end was acknowledged before it began"
    if state.settled not in state.log:
        return f"a restart would take the database for another: no entry bears {state.settled!r}"
    at_rest = all(_left(writer, protocol) for writer in state.writers)
    if at_rest and state.lock == NOBODY:
        for number, verifier in enumerate(state.verifiers):
            if verifier.step == 0 and not _comes_to_rest(state, protocol, number):
                return f"verifier {number} would read the store for ever"
    return None


def steps(state: State, protocol: Protocol) -> Iterator[tuple[str, State]]:
    """Everything that may happen next."""
    for number in range(2):
        yield from _write(state, protocol, number)
        yield from _die(state, protocol, number)
    for number in range(len(protocol.verifiers_live_in)):
        yield from _verify(state, protocol, number)
    yield from _purge(state, protocol)


def _write(state: State, protocol: Protocol, number: int) -> Iterator[tuple[str, State]]:
    writer, name, sid = state.writers[number], f"w{number}", SESSIONS[number]
    if number in state.dead or writer.step >= len(protocol.write):
        return
    action = protocol.write[writer.step]
    after = state._replace(writers=_put(state.writers, number, writer._replace(step=writer.step + 1)))
    said = f"writer {number}: {action}"
    match action:
        case "lock":
            if state.lock == NOBODY:
                yield said, after._replace(lock=name)
        case "settle":
            yield said, after._replace(settled=state.log[-1])
        case "head":
            yield said, after._replace(head=sid)
        case "commit":
            yield said, after._replace(log=(*state.log, sid), lock=NOBODY)
            failed = _put(state.writers, number, Writer(len(protocol.write)))
            yield f"writer {number}: COMMIT fails", state._replace(writers=failed, lock=NOBODY)
        case "compare":
            skip = 1 if state.head == sid else 2
            yield said, state._replace(writers=_put(state.writers, number, writer._replace(step=writer.step + skip)))
        case "settled":
            yield said, after._replace(settled=sid)
        case "hold":
            held = writer._replace(step=writer.step + 1, held=state.copies[number].ended)
            yield said, state._replace(writers=_put(state.writers, number, held))
        case _:
            known = applied(state.copies[number], sid)
            if writer.held is not None:
                known = known._replace(ended=writer.held | {sid})
            if protocol.own_apply_moves_the_cursor:
                known = known._replace(cursor=sid, stamp=sid)
            after = after._replace(writers=_put(state.writers, number, Writer(writer.step + 1)))
            copies = _put(state.copies, number, known)
            yield said, after._replace(copies=copies, acknowledged=state.acknowledged | {sid})


def _verify(state: State, protocol: Protocol, number: int) -> Iterator[tuple[str, State]]:
    home, name = protocol.verifiers_live_in[number], f"v{number}"
    verifier, known = state.verifiers[number], state.copies[home]
    if home in state.dead:
        return
    action = protocol.verify[verifier.step]
    said = f"verifier {number}: {action}"
    on = verifier._replace(step=verifier.step + 1)
    match action:
        case "begin":
            on = on._replace(mark=state.acknowledged)
        case "compare":
            on = on._replace(moved=state.head != known.stamp)
        case "read":
            on = on._replace(read=_behind(state.log, known.cursor))
        case "hold":
            on = on._replace(held=known.ended)
        case "take":
            yield from _mend(state, name)
            if state.lock == name:
                return
            taken = took(known, verifier.read, lost=known.cursor in state.purged)
            if verifier.held is not None:
                taken = taken._replace(ended=verifier.held | (taken.ended - known.ended))
            on = Verifier(on.step, on.mark)
            state = state._replace(copies=_put(state.copies, home, taken))
        case _:
            on = Verifier()
    while not on.moved and protocol.verify[on.step] in {"read", "hold", "take"}:
        on = on._replace(step=on.step + 1)
    yield said, state._replace(verifiers=_put(state.verifiers, number, on))


def _mend(state: State, name: str) -> Iterator[tuple[str, State]]:
    """Who read, and found the stamp not to be that of the last entry, may put it right under the lock."""
    if state.lock == name:
        yield f"{name} rewrites the stamp", state._replace(head=state.log[-1], lock=NOBODY)
    elif state.lock == NOBODY and state.head != state.log[-1]:
        yield f"{name} locks to mend", state._replace(lock=name)


def _die(state: State, protocol: Protocol, process: int) -> Iterator[tuple[str, State]]:
    """A process dies. What it had committed counts as acknowledged from then on."""
    writer = state.writers[process]
    holds = {f"w{process}", *(f"v{n}" for n, home in enumerate(protocol.verifiers_live_in) if home == process)}
    if process in state.dead or (_left(writer, protocol) and state.lock not in holds):
        return
    lives = tuple(
        Verifier() if protocol.verifiers_live_in[number] == process else verifier
        for number, verifier in enumerate(state.verifiers)
    )
    yield (
        f"process {process} dies",
        state._replace(
            dead=state.dead | {process},
            lock=NOBODY if state.lock in holds else state.lock,
            writers=_put(state.writers, process, Writer(len(protocol.write))),
            verifiers=lives,
            acknowledged=state.acknowledged | ({SESSIONS[process]} & set(state.log)),
        ),
    )


def _purge(state: State, protocol: Protocol) -> Iterator[tuple[str, State]]:
    """All but the last entry go, if they are old: a writer comes to its end within a day."""
    action = protocol.purge[state.purger]
    after = state._replace(purger=(state.purger + 1) % len(protocol.purge))
    match action:
        case "lock":
            old = {sid for sid, writer in zip(SESSIONS, state.writers, strict=True) if _left(writer, protocol)}
            if state.lock == NOBODY and len(state.log) > 1 and set(state.log[:-1]) <= {"began"} | old:
                yield "purge: lock", after._replace(lock="purge")
        case "settle":
            yield "purge: settle", after._replace(settled=state.log[-1])
        case _:
            gone = state.purged | set(state.log[:-1])
            yield "purge: commit", after._replace(log=state.log[-1:], purged=gone, lock=NOBODY)


def _comes_to_rest(state: State, protocol: Protocol, number: int) -> bool:
    """Whether one verification that mends is enough for the next one to read nothing."""
    home = protocol.verifiers_live_in[number]
    if home in state.dead:
        return True
    known = state.copies[home]
    if known.stamp == state.head:
        return True
    known = took(known, _behind(state.log, known.cursor), lost=known.cursor in state.purged)
    return known.stamp == state.log[-1]


def _behind(log: tuple[str, ...], cursor: str | None) -> tuple[str, ...]:
    return log[log.index(cursor) + 1 :] if cursor in log else log


def _left(writer: Writer, protocol: Protocol) -> bool:
    return writer.step >= len(protocol.write)


def _copy(state: State, protocol: Protocol, verifier: int) -> Known:
    return state.copies[protocol.verifiers_live_in[verifier]]


def _put(items: tuple[T, ...], place: int, item: T) -> tuple[T, ...]:
    return (*items[:place], item, *items[place + 1 :])


@cache
def took(known: Known, entries: tuple[str, ...], *, lost: bool) -> Known:
    """What a real ``Copy`` knows when it has taken a page, after starting over if its position is lost."""
    copy = _real(known)
    if lost:
        copy.start_over()
    lines = tuple(encode(Began("x") if name == "began" else Ended(Ends.SESSION, name)) for name in entries)
    cursor, stamp = (Cursor(entries[-1]), entries[-1].encode()) if entries else (copy.cursor, copy.stamp)
    copy.take(Page(lines, cursor, end=True, stamp=stamp), 0.0, 0.0)
    return _value(copy)


@cache
def applied(known: Known, sid: str) -> Known:
    """What a real ``Copy`` knows when its own process has ended ``sid``."""
    copy = _real(known)
    copy.apply(Ended(Ends.SESSION, sid), 0.0, 0.0)
    return _value(copy)


@cache
def is_over(ended: frozenset[str], sid: str) -> bool:
    """What the real verdict is on a principal of that session, before a real ``Copy``."""
    principal = Principal(
        subject="ann",
        credential="session",
        session=sid,
        scope=frozenset(),
        roles=frozenset(),
        methods=(),
        authenticated_at=0.0,
        expires_at=1.0,
        gen=0,
        marks=(sid, "", "", "", ""),
    )
    try:
        judge(Seen(principal, 1.0), _real(Known(ended, None, "")), 0.0)
    except Revoked:
        return True
    return False


def _real(known: Known) -> Copy:
    copy = Copy()
    for sid in known.ended:
        copy.apply(Ended(Ends.SESSION, sid), 0.0, 0.0)
    copy.cursor = None if known.cursor is None else Cursor(known.cursor)
    copy.stamp = known.stamp.encode()
    return copy


def _value(copy: Copy) -> Known:
    return Known(frozenset(copy.ended[Ends.SESSION]), copy.cursor, copy.stamp.decode())
