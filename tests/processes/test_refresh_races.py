"""However many spend one refresh token at one instant, threads or two processes, one rotation happens (TOK-04).

Within the grace all of them hold the same successor and nobody is signed out; without one, the second use ends the
session.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from admit.tokens import TokenPolicy
from counts import times
from processes.acts import EVERY, accepted, act, refresh, sign_in, sign_up
from processes.arena import GROUNDS, arena

AT_ONCE = 10


@pytest.mark.parametrize("ground", GROUNDS)
async def test_twenty_at_once_get_one_successor_and_stay_signed_in(ground: str, tmp_path: Path) -> None:
    async with arena(ground, tmp_path) as here:
        await sign_up(here.auth)
        for _ in range(times("spends")):
            held = await sign_in(here.auth)
            spends = [act(refresh, held.pair.refresh_token)] * AT_ONCE
            outcomes = await here.race(spends, spends)
            assert {outcome.reason for outcome in outcomes} == {""}
            leaves = {outcome.value.refresh_token for outcome in outcomes}
            assert len(leaves) == 1
            assert leaves != {held.pair.refresh_token}
            session = await here.auth.sessions.get(held.session.id)
            assert session is not None
            assert session.family is not None
            assert session.family.counter == 1
            assert await accepted(here.auth, held) == EVERY


@pytest.mark.parametrize("ground", GROUNDS)
async def test_without_a_grace_twenty_at_once_leave_no_live_token(ground: str, tmp_path: Path) -> None:
    async with arena(ground, tmp_path, tokens=TokenPolicy(grace=0)) as here:
        await sign_up(here.auth)
        for _ in range(times("spends")):
            held = await sign_in(here.auth)
            spends = [act(refresh, held.pair.refresh_token)] * AT_ONCE
            outcomes = await here.race(spends, spends)
            pairs = [outcome.value for outcome in outcomes if not outcome.error]
            errors = [outcome.error for outcome in outcomes if outcome.error]
            assert len(pairs) == 1
            assert set(errors) <= {"Replayed", "Revoked"}
            assert errors.count("Replayed") == 1
            for token in (held.pair.refresh_token, pairs[0].refresh_token):
                assert (await act(refresh, token).outcome(here.auth)).error == "Revoked"
            assert await accepted(here.auth, held) == []


@pytest.mark.parametrize("ground", GROUNDS)
async def test_two_rotations_and_a_late_tab_sign_nobody_out(ground: str, tmp_path: Path) -> None:
    async with arena(ground, tmp_path) as here:
        await sign_up(here.auth)
        held = await sign_in(here.auth)
        spent = act(refresh, held.pair.refresh_token)
        [first, second] = await here.race([spent], [spent])
        [again, late] = await here.race([act(refresh, first.value.refresh_token)], [spent])
        assert {outcome.reason for outcome in (first, second, again, late)} == {""}
        assert len({outcome.value.refresh_token for outcome in (first, second, again, late)}) == 1
        assert await accepted(here.auth, held) == EVERY
