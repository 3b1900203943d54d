"""A model of the revocation log between an authority and a verifier, with a network and machines that fail.

The log is kept by a store that fails over, is trimmed and restored; it is served by a worker that restarts, and
followed by one verifier (verifiers know nothing of each other, so one stands for all). What is on its way may be lost,
late or cut off, and news may come by other ways, again and out of order. Time passes between any two steps, in ticks
of which ``bound`` are S. A store's failover keeps what was acknowledged, and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from admit.core.ids import EVERYTHING
from models.verifier import LIVE, LONG_AGO, Answer, Entry, Known, Parts, heals, hears, hears_of, says

NOT_YET, COMMITTED = -2, -1
"""How far a revocation is before it is acknowledged; from then on, how many ticks ago that was."""


ONE_TICK = Parts(bound=1)
"""A verifier as it is, with the shortest S that a model can have."""


class Written(NamedTuple):
    """An entry of the log: its number, the nonce of the reign it was written in, and what it tells."""

    number: int
    nonce: int
    what: str


Log = tuple[Written, ...]


class Question(NamedTuple):
    """A read on its way: ticks since it was sent, for what is after which position, how far it is, what it brings."""

    sent: int
    after: str | None
    at: str | None
    answer: Answer = Answer()


class State(NamedTuple):
    """All of the world. ``memory`` is what the serving worker has read for itself, ``cached`` an answer in a cache."""

    revoked: tuple[int, ...]
    log: Log = (Written(1, 0, "began"),)
    replicated: int = 1
    nonce: int = 0
    failovers: int = 0
    backup: Log | None = None
    restored: int = NOT_YET
    expired: frozenset[str] = frozenset()
    memory: Log | None = None
    cached: tuple[str | None, Answer] | None = None
    known: Known = Known()
    refused: frozenset[str] = frozenset()
    question: Question | None = None


@dataclass(frozen=True)
class Protocol:
    """What may go wrong (``faults``), to how many revocations, and how it is done: a mutant differs in one of these."""

    parts: Parts = ONE_TICK
    sessions: int = 1
    faults: frozenset[str] = frozenset()
    nonces: bool = True
    reads_the_store: bool = True
    probes: bool = True
    always_appends: bool = True
    news_moves_the_cursor: bool = False
    restore_raises_the_term: bool = True


def start(protocol: Protocol) -> State:
    """The world before anything happened."""
    return State(revoked=(NOT_YET,) * protocol.sessions)


def steps(state: State, protocol: Protocol) -> Iterator[tuple[str, State]]:
    """Everything that may happen next."""
    yield "a tick passes", _later(state, protocol.parts.bound)
    for number in range(protocol.sessions):
        yield from _revoke(state, protocol, number)
    yield from _fail_over(state, protocol)
    yield from _restore(state, protocol)
    yield from _trim(state, protocol)
    yield from _ask(state)
    yield from _serve(state, protocol)
    yield from _hear(state, protocol)
    yield from _suffer(state, protocol)


def what_is_wrong(state: State, protocol: Protocol) -> str | None:
    """The promises, judged in one state."""
    bound = protocol.parts.bound
    for name, acknowledged in _revocations(state):
        if name in state.expired or says(protocol.parts, state.known, name, 0) != "accepted":
            continue
        if max(acknowledged, state.restored) > bound:
            return f"P1 is broken: {name} is accepted, more than S after its end was acknowledged"
        if name in state.refused:
            return f"P4 is broken: {name} is accepted again"
    bounds, known = heals(protocol.parts, state.known, _positions(state.log, protocol))
    if bounds > 2:
        return "it does not work: two bounds after everybody answers again, nothing is accepted yet"
    for name, acknowledged in _revocations(state):
        over = name in state.expired or says(protocol.parts, known, name, 0) == "ended"
        if acknowledged >= 0 and not over:
            return f"P3 is broken: the end of {name} was acknowledged, and the verifier never learns of it"
    return None


def accepts(state: State, protocol: Protocol) -> bool:
    """Whether the verifier accepts a session that nobody has ended."""
    return says(protocol.parts, state.known, LIVE, gen=int(state.restored >= 0)) == "accepted"


def _later(state: State, bound: int) -> State:
    question, known = state.question, state.known
    return state._replace(
        # What is older than S is too old, however much.
        revoked=tuple(min(age + 1, bound + 1) if age >= 0 else age for age in state.revoked),
        restored=min(state.restored + 1, bound + 1) if state.restored >= 0 else state.restored,
        known=known._replace(age=known.age + 1 if known.age < bound else LONG_AGO),
        question=question and question._replace(sent=min(question.sent + 1, bound + 1)),
    )


def _revoke(state: State, protocol: Protocol, number: int) -> Iterator[tuple[str, State]]:
    name, progress = f"s{number}", state.revoked[number]
    if progress == NOT_YET:
        log = (*state.log, Written(state.log[-1].number + 1, state.nonce, name))
        yield f"the end of {name} is committed", state._replace(log=log, revoked=_put(state.revoked, number, COMMITTED))
    if progress == COMMITTED:
        told = state._replace(revoked=_put(state.revoked, number, 0))
        where = max(state.replicated, next(entry.number for entry in state.log if entry.what == name))
        yield f"the standby has the end of {name}, and it is acknowledged", told._replace(replicated=where)
        if "retries" in protocol.faults and len([entry for entry in state.log if entry.what == name]) < 2:
            log = (*state.log, Written(state.log[-1].number + 1, state.nonce, name))
            yield f"the authority dies, and whoever ended {name} does it again", state._replace(log=log, question=None)
        if not protocol.always_appends:
            yield f"a second caller finds {name} gone, and gets its end acknowledged", told


def _fail_over(state: State, protocol: Protocol) -> Iterator[tuple[str, State]]:
    log = state.log
    if "failover" not in protocol.faults or state.failovers:
        return
    for kept in range(len(log) - 1, 0, -1):
        if log[kept].number > state.replicated:
            lost = " and ".join(entry.what for entry in log[kept:])
            after = _anew(state._replace(failovers=1), log[:kept])
            yield f"the store fails over, and the end of {lost} is not in its log any more", after


def _restore(state: State, protocol: Protocol) -> Iterator[tuple[str, State]]:
    if "restore" not in protocol.faults or state.restored >= 0:
        return
    if state.backup is None:
        yield "a backup is taken", state._replace(backup=state.log)
    else:
        after = _anew(state._replace(restored=0, backup=None), state.backup)
        if protocol.restore_raises_the_term:
            raised = Written(after.log[-1].number + 1, after.nonce, EVERYTHING)
            after = after._replace(log=(*after.log, raised))
        yield "the backup is put back, and that is acknowledged", after._replace(replicated=after.log[-1].number)


def _anew(state: State, log: Log) -> State:
    """The store with another end of its log; whose commit went with the old one is told that it failed."""
    there = {entry.what for entry in log}
    revoked = tuple(
        NOT_YET if age == COMMITTED and f"s{number}" not in there else age for number, age in enumerate(state.revoked)
    )
    return state._replace(log=log, nonce=state.nonce + 1, revoked=revoked)


def _trim(state: State, protocol: Protocol) -> Iterator[tuple[str, State]]:
    """Whatever has expired may be removed, but for the last entry; a term never expires."""
    past = {name for name, acknowledged in _revocations(state) if acknowledged > protocol.parts.bound}
    kept = tuple(entry for entry in state.log[:-1] if entry.what not in {"began", *past})
    if "trimming" in protocol.faults and len(kept) < len(state.log) - 1:
        gone = past.intersection(entry.what for entry in state.log[:-1])
        after = state._replace(log=(*kept, state.log[-1]), expired=state.expired | gone)
        yield f"{' and '.join(sorted(gone)) or 'nothing'} has expired, and the log is trimmed", after


def _ask(state: State) -> Iterator[tuple[str, State]]:
    if state.question is None:
        cursor = state.known.cursor
        where = "from its beginning" if cursor is None else f"behind {cursor}"
        yield f"the verifier asks for the log {where}", state._replace(question=Question(0, cursor, cursor))
    else:
        yield "the question or its answer is lost", state._replace(question=None)


def _serve(state: State, protocol: Protocol) -> Iterator[tuple[str, State]]:
    """The authority reads on, an entry at a time, and sends each after those that it sent before."""
    if not protocol.reads_the_store and state.memory != state.log:
        yield "the worker that serves reads the log for itself", state._replace(memory=state.log)
    question = state.question
    log = state.log if protocol.reads_the_store else state.memory
    if question is None or log is None or question.answer.end or question.answer.lost:
        return
    following = _behind(log, question.at, protocol)
    answer = question.answer
    if following is None and answer.told:
        yield "the log changes under an answer, which ends there", state._replace(question=None)
    elif following is None:
        lost = question._replace(answer=Answer(lost=True))
        yield "the authority does not know that position", state._replace(question=lost)
    elif len(following) > 1:
        first = following[0]
        served = question._replace(at=_at(first, protocol), answer=Answer((*answer.told, first.what)))
        yield f"the authority answers “{first.what}”, and more to come", state._replace(question=served)
    else:
        at = _at(log[-1], protocol)
        served = question._replace(at=at, answer=Answer((*answer.told, *(entry.what for entry in following)), end=at))
        after = state._replace(question=served)
        if not protocol.probes:
            after = after._replace(cached=(question.after, served.answer))
        yield f"the authority answers “{following[0].what if following else 'nothing new'}”, to the end", after


def _hear(state: State, protocol: Protocol) -> Iterator[tuple[str, State]]:
    question = state.question
    if question is None:
        return
    answer = question.answer
    if answer.end or answer.lost:
        yield "the answer arrives whole", _heard(state, protocol, question, answer)
    if answer.told:
        yield "the answer arrives, cut off", _heard(state, protocol, question, answer._replace(end=None))
    if state.cached and state.cached[0] == question.after:
        yield "a cache gives the answer to an older question", _heard(state, protocol, question, state.cached[1])


def _heard(state: State, protocol: Protocol, question: Question, answer: Answer) -> State:
    known = hears(protocol.parts, state.known, question.after, question.sent, answer)
    return _knowing(state, known)._replace(question=None)


def _suffer(state: State, protocol: Protocol) -> Iterator[tuple[str, State]]:
    """What else happens to a verifier."""
    known = state.known
    if "news" in protocol.faults:
        for entry in state.log[1:]:
            heard = hears_of(protocol.parts, known, entry.what)
            if protocol.news_moves_the_cursor:
                heard = heard._replace(cursor=_at(entry, protocol))
            yield f"the verifier hears of “{entry.what}” by another way", _knowing(state, heard)
    if "restarts" in protocol.faults:
        yield "the worker that serves starts anew", state._replace(memory=None, question=None)
        yield "the verifier starts anew", state._replace(known=Known(), refused=frozenset(), question=None)
    if "clocks" in protocol.faults:
        # To a time when what its copy has forgotten meanwhile was still in time: at the worst, all that is not new.
        new = {name for name, acknowledged in _revocations(state) if acknowledged <= protocol.parts.bound}
        over = known._replace(ended=known.ended & new, cursor=None)
        yield "the verifier's wall clock is set back, and its copy starts over", state._replace(known=over)


def _knowing(state: State, known: Known) -> State:
    over = {name for name, _ in _revocations(state) if known.term or name in known.ended}
    return state._replace(known=known, refused=state.refused | over)


def _revocations(state: State) -> Iterator[tuple[str, int]]:
    return ((f"s{number}", acknowledged) for number, acknowledged in enumerate(state.revoked))


def _behind(log: Log, cursor: str | None, protocol: Protocol) -> Log | None:
    """The entries after a position; None where the log does not know it."""
    if cursor is None:
        return log
    place = next((place for place, entry in enumerate(log, 1) if _at(entry, protocol) == cursor), None)
    return None if place is None else log[place:]


def _at(entry: Written, protocol: Protocol) -> str:
    """The position of an entry: its number, and the nonce that tells it from another of that number."""
    return f"{entry.number}.{entry.nonce}" if protocol.nonces else str(entry.number)


def _positions(log: Log, protocol: Protocol) -> tuple[Entry, ...]:
    return tuple(Entry(_at(entry, protocol), entry.what) for entry in log)


def _put(items: tuple[int, ...], place: int, item: int) -> tuple[int, ...]:
    return (*items[:place], item, *items[place + 1 :])
