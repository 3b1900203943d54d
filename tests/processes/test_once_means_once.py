"""What may happen once happens once, whoever else tries at the same instant: threads, or another process (OPS-08).

One race, run over everything here that may happen once: 20 tries, set off together, among tasks and threads on memory
and between two processes on SQLite and on servers. Refresh tokens have a file of their own.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from admit.core.keyring import PUBLISHED_BEFORE_USE
from admit.stores.memory import MemoryStore
from counts import times
from processes.acts import (
    EMAIL,
    PASSWORD,
    accepted,
    act,
    change_password,
    first_keys,
    let_pass,
    rotate_keys,
    sign_in,
    sign_up,
    spend,
)
from processes.arena import GROUNDS, arena, database
from services import PassingClock

AT_ONCE = 10


@pytest.mark.parametrize("ground", GROUNDS)
async def test_one_of_twenty_spends_a_ticket(ground: str, tmp_path: Path) -> None:
    async with arena(ground, tmp_path) as here:
        for _ in range(times("spends")):
            ticket = await here.auth.tickets.mint("reset", 60)
            spends = [act(spend, ticket, "reset")] * AT_ONCE
            errors = Counter(outcome.error for outcome in await here.race(spends, spends))
            assert errors == {"": 1, "Replayed": 2 * AT_ONCE - 1}


@pytest.mark.parametrize("ground", GROUNDS)
async def test_one_of_twenty_signs_up_with_an_address(ground: str, tmp_path: Path) -> None:
    async with arena(ground, tmp_path) as here:
        for turn in range(times("spends")):
            spellings = (f"ann{turn}@example.com", f"ANN{turn}@Example.COM")
            sides = [[act(sign_up, email)] * AT_ONCE for email in spellings]
            outcomes = await here.race(*sides)
            assert Counter(outcome.error for outcome in outcomes) == {"": 1, "BadInput": 2 * AT_ONCE - 1}
            [id] = [outcome.value for outcome in outcomes if not outcome.error]
            account = await here.auth.accounts.by_email(spellings[0])
            assert account is not None
            assert account.id == id
        assert len((await here.auth.accounts.find()).accounts) == times("spends")


@pytest.mark.parametrize("ground", GROUNDS)
async def test_one_of_two_changes_the_password(ground: str, tmp_path: Path) -> None:
    async with arena(ground, tmp_path) as here:
        account = await sign_up(here.auth)
        current = PASSWORD
        for turn in range(times("spends")):
            sides = [await sign_in(here.auth, password=current) for _ in range(2)]
            chosen = [f"the choice of side {side}, turn {turn}" for side in range(2)]
            changes = [[act(change_password, held, current, new)] for held, new in zip(sides, chosen, strict=True)]
            outcomes = await here.race(*changes)
            [winner] = [side for side in range(2) if not outcomes[side].error]
            assert {outcome.error for outcome in outcomes} - {""} <= {"BadInput", "Revoked"}
            assert [session.id for session in await here.auth.sessions.of(account)] == [sides[winner].session.id]
            assert await accepted(here.auth, sides[1 - winner]) == []
            errors = [(await act(sign_in, EMAIL, new).outcome(here.auth)).error for new in (*chosen, current)]
            assert errors == ["" if side == winner else "BadCredential" for side in range(2)] + ["BadCredential"]
            current = chosen[winner]


@pytest.mark.parametrize("ground", GROUNDS)
async def test_one_of_twenty_rotates_the_keys(ground: str, tmp_path: Path) -> None:
    async with arena(ground, tmp_path, clock=PassingClock()) as here:
        following = [listed.kid for listed in await here.auth.keys.list()][1]
        for _ in range(times("spends")):
            later = [act(let_pass, PUBLISHED_BEFORE_USE + 1)]
            await here.race(later, later)
            rotations = [act(rotate_keys)] * AT_ONCE
            outcomes = await here.race(rotations, rotations)
            assert Counter(outcome.error for outcome in outcomes) == {"": 1, "BadInput": 2 * AT_ONCE - 1}
            [current] = [outcome.value for outcome in outcomes if not outcome.error]
            assert current == following
            following = [listed.kid for listed in await here.auth.keys.list()][1]


@pytest.mark.parametrize("ground", GROUNDS)
async def test_all_of_two_times_five_begin_with_the_same_keys(ground: str, tmp_path: Path) -> None:
    async with arena(ground, tmp_path) as here:
        for turn in range(times("beginnings")):
            store = MemoryStore() if ground in {"tasks", "threads"} else database(ground, tmp_path / f"{turn}.db")
            begin = [act(first_keys, store)] * 5
            outcomes = await here.race(begin, begin)
            assert {outcome.reason for outcome in outcomes} == {""}
            [kids] = {tuple(outcome.value) for outcome in outcomes}
            assert len(set(kids)) == 2
