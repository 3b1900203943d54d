"""A revocation travels to verifiers in processes of their own, while networks, processes and clocks do what they do.

What verifiers wrote down is judged by `history.py` alone, and the same story with a lease that never runs out shows
that it finds what there is to find.
"""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from pathlib import Path
from random import Random

import pytest

from counts import times
from processes.between import BLACK_HOLE
from processes.history import Fault, History, Token, Use
from processes.machine import Look
from processes.travels import Act, Travels, travels, until
from processes.verifying import ACCEPTED, Try

ALL, FEW = 10, 3
"""Verifiers: as many as there shall be, and as few as a small machine has time for at 0.3 s, so that it excuses nobody."""

# By the bound in seconds and the verifiers; each round takes four times as long.
ROUNDS = {
    (0.3, ALL): times("rounds of chaos at 0.3 s"),
    (0.3, FEW): times("rounds of chaos at 0.3 s"),
    (1.0, ALL): times("rounds of chaos at 1 s"),
    (2.0, ALL): times("rounds of chaos at 2 s"),
}

LASTS = 1.5
"""How long a fault lasts, in bounds: some of what is revoked at its beginning would be accepted too late."""


def test_what_is_late_comes_back_or_refuses_the_living_is_found() -> None:
    tokens = [Token(shown=0, ending=10, ended=11), Token(shown=0)]
    answers = ((10.5, 0, "A"), (12.9, 0, "A"), (13.0, 0, "R"), (13.1, 0, "A"), (13.2, 1, "R"))
    history = History(2.0, tokens, books={7: [Try(*answer, answered=answer[0]) for answer in answers]})
    assert history.late() == ["verifier 7 accepted token 0 2.100 s after its end"]
    assert history.revived() == ["verifier 7 accepted token 0 again"]
    assert history.wrongly_ended() == ["verifier 7 refused token 1, which was alive"]
    assert history.worst == pytest.approx(2.1)


def test_use_and_return_are_judged_outside_faults_and_where_the_machine_had_time() -> None:
    stale = {*range(100, 250), 800, 950}
    tries = [Try(at / 100, 0, "S" if at in stale else "A", at / 100) for at in range(1_000)]
    history = History(1.0, [Token(shown=0)], [Fault("cut", 1.0, 2.0, frozenset({0}))], {0: tries})
    assert history.use() == Use(accepted=697, judged=699, tries=699)
    assert list(history.returns()) == [(0, 0.5)]
    history.looks = [Look(2.1, 2.2, {"verifier 0": 0.2}, {"worker 1": 0.1}), Look(7.0, 7.3, {}, {"worker 1": 0.29})]
    assert history.use() == Use(accepted=697, judged=698, tries=699)
    assert [round(seconds, 3) for _, seconds in history.returns()] == [0.1]
    history.looks = [Look(2.1, 2.2, {"verifier 1": 0.2}, {"worker 1": 0.1}), Look(7.0, 7.3, {}, {"worker 1": 0.26})]
    assert history.use() == Use(accepted=697, judged=699, tries=699)
    assert list(history.returns()) == [(0, 0.5)]


TRIES = 1_000
"""Tries of live tokens of which no share is taken: one verifier that was late for one answer would be a part of it."""


async def a_round(parts: Travels, dice: Random, bound: float, what: str, fault: tuple[Act, Act]) -> None:
    """One fault for all, one of each kind for some verifiers, and time to come back."""
    one, two, three = dice.sample(range(len(parts.members)), 3)
    of_some = [list(parts.faults_of(number).items())[kind] for kind, number in enumerate((one, two, three))]
    happening = [parts.happen(what, range(len(parts.members)), *fault, LASTS * bound)]
    happening += [
        parts.happen(name, (number,), *acts, LASTS * bound)
        for number, (name, acts) in zip((one, two, three), of_some, strict=True)
    ]
    await asyncio.gather(*happening)
    await asyncio.sleep(2.5 * bound)


def told(history: History) -> str:
    use, back = history.use(), max((seconds for _, seconds in history.returns()), default=0.0)
    ended = sum(token.ended < float("inf") for token in history.tokens)
    return (
        f"{ended} revocations, {len(history.faults)} faults; worst staleness {history.worst:.3f} s of {history.bound:g}; "
        f"{use.share:.2%} of {use.judged} tries of live tokens accepted ({use.tries - use.judged} refused while the "
        f"machine was busy, as it was {history.busy:.0%} of the time); all back within {back / history.bound:.2f} S"
    )


@pytest.mark.parametrize(("bound", "verifiers"), ROUNDS)
async def test_no_verifier_accepts_later_than_its_bound_whatever_happens(
    tmp_path: Path, chaos: Random, record_property: Callable[[str, str], None], bound: float, verifiers: int
) -> None:
    async with travels(tmp_path, chaos, bound, verifiers=verifiers, asking=verifiers // 5) as parts:
        history = await played(parts, chaos, bound, parts.faults(), ROUNDS[bound, verifiers])
    judge(history, bound, record_property)


async def played(
    parts: Travels, dice: Random, bound: float, faults: Mapping[str, tuple[Act, Act]], rounds: int
) -> History:
    """What verifiers wrote down while one of ``faults`` after the other came to all of them."""
    working = asyncio.create_task(parts.work())
    await asyncio.sleep(bound)
    deck = dice.sample(list(faults.items()), len(faults))
    for turn in range(rounds):
        await a_round(parts, dice, bound, *deck[turn % len(deck)])
    working.cancel()
    with suppress(asyncio.CancelledError):
        await working
    await parts.all_know()
    return parts.judged()


def judge(history: History, bound: float, record_property: Callable[[str, str], None], *, lag: float = 0.0) -> None:
    """Nobody accepted too late, nobody was refused wrongly, and all came back."""
    record_property("note", told(history))
    assert history.late(lag) == []
    assert history.revived() == []
    assert history.wrongly_ended() == []
    use = history.use()
    assert use.judged < TRIES or use.share >= 0.95
    assert [back for back in history.returns() if back[1] > 2 * bound] == []


async def test_the_same_with_a_lease_that_never_runs_out_is_found_out(
    tmp_path: Path, chaos: Random, record_property: Callable[[str, str], None]
) -> None:
    bound = 0.3
    async with travels(tmp_path, chaos, bound, verifiers=3, asking=0, leased=False) as parts:
        working = asyncio.create_task(parts.work())
        begin, heal = parts.faults()[BLACK_HOLE]
        await begin()
        # Until there is something to find: who has the processor when is not ours to say.
        await until(lambda: bool(parts.judged().late()), lambda: told(parts.history))
        await heal()
        working.cancel()
        history = parts.judged()
    record_property("note", f"{len(history.late())} acceptances too late, the worst {history.worst:.3f} s")


async def test_a_database_put_back_ends_trust_until_a_restore_ended_everything(tmp_path: Path, chaos: Random) -> None:
    async with travels(tmp_path, chaos, 0.3, verifiers=3, asking=1) as parts:
        path, backup = tmp_path / "admit.db", tmp_path / "backup"
        with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(backup)) as target:
            source.backup(target)
        for number in parts.live()[:4]:
            await parts.end(number)
        await parts.all_know()
        await parts.auth.close()

        shutil.copy(backup, tmp_path / "copy")
        (tmp_path / "copy").replace(path)
        for beside in ("-wal", "-shm"):
            path.with_name(path.name + beside).unlink(missing_ok=True)
        await until(lambda: parts.server.status("GET", "/auth/readyz") == 503, parts.server.log.read_text)
        await until(lambda: not any(is_accepting(parts, number) for number in range(3)))

        live = parts.live()
        await parts.restored()
        history = parts.judged()
    assert history.late() == []
    assert history.revived() == []
    assert {parts.last(number)[live[0]].answer for number in range(3)} == {"R"}


def is_accepting(parts: Travels, verifier: int) -> bool:
    """Whether it accepted anything the last time it tried."""
    return any(one.answer == ACCEPTED for one in parts.last(verifier).values())
