"""What ends everything ends also what is being made at the same instant."""

from __future__ import annotations

from pathlib import Path

import pytest

from counts import times
from processes.acts import (
    ANOTHER,
    EMAIL,
    PASSWORD,
    Held,
    accepted,
    act,
    change_password,
    refresh,
    sign_in,
    sign_out_everywhere,
    sign_up,
)
from processes.arena import GROUNDS, Arena, arena


async def nowhere_accepted(here: Arena, held: Held) -> None:
    """Neither side of the arena, nor the test's own process, accepts anything of ``held``."""
    ask = [act(accepted, held)]
    for outcome in await here.race(ask, ask):
        assert (outcome.value, outcome.reason) == ([], "")
    assert await accepted(here.auth, held) == []


@pytest.mark.parametrize("ground", GROUNDS)
async def test_a_refresh_does_not_outlive_signing_out_everywhere(ground: str, tmp_path: Path) -> None:
    async with arena(ground, tmp_path) as here:
        subject = await sign_up(here.auth)
        for _ in range(times("endings")):
            held = [await sign_in(here.auth) for _ in range(8)]
            refreshes = [act(refresh, one.pair.refresh_token) for one in held]
            ending = [*refreshes[:4], act(sign_out_everywhere, subject), *refreshes[4:]]
            outcomes = await here.race(refreshes, ending)
            # Everywhere to be signed out of was there; whatever the others got came from before it, or is refused.
            assert {outcome.error for outcome in outcomes} <= {"", "Revoked"}
            assert outcomes[len(refreshes) + 4].error == ""
            for one, outcome in zip(held, outcomes[: len(held)], strict=True):
                newest = one if outcome.error else Held(one.session, one.cookie, outcome.value)
                await nowhere_accepted(here, one)
                await nowhere_accepted(here, newest)
            assert await here.auth.sessions.of(subject) == []


@pytest.mark.parametrize("ground", GROUNDS)
async def test_a_sign_in_by_the_old_password_does_not_outlive_its_change(ground: str, tmp_path: Path) -> None:
    async with arena(ground, tmp_path) as here:
        subject = await sign_up(here.auth)
        old, new = PASSWORD, ANOTHER
        for _ in range(times("endings")):
            own = await sign_in(here.auth, password=old)
            by_old = [act(sign_in, EMAIL, old)] * 6
            outcomes = await here.race(by_old, [*by_old[:3], act(change_password, own, old, new), *by_old[3:]])
            changed = outcomes.pop(len(by_old) + 3)
            assert changed.reason == ""
            assert {outcome.error for outcome in outcomes} <= {"", "BadCredential", "Revoked"}
            for outcome in outcomes:
                if not outcome.error:
                    await nowhere_accepted(here, outcome.value)
            assert (await act(sign_in, EMAIL, old).outcome(here.auth)).error == "BadCredential"
            # The holder's session goes on by another cookie, and by nothing that presented it before.
            assert await accepted(here.auth, own) == []
            assert await accepted(here.auth, changed.value) == ["cookie"]
            assert [session.id for session in await here.auth.sessions.of(subject)] == [own.session.id]
            old, new = new, old
