"""The live lab has room for so many, forgets who stays away, and keeps each visitor's lab to that visitor."""

from __future__ import annotations

import pytest

from admit.errors import TooMany
from admit.lab.live.visit import Visit
from admit.lab.live.visitors import AT_MOST, IDLE, Visitors
from admit.lab.strategies import STRATEGIES


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


async def test_who_stays_away_for_half_an_hour_is_forgotten() -> None:
    clock = Clock()
    here = Visitors(lambda: Visit(STRATEGIES), clock)
    first, _ = await here.begin()
    second, visit = await here.begin()
    await visit.act("sign-in", "")
    clock.now += IDLE - 1
    assert here.get(first) is not None
    clock.now += 1
    await here.forget(IDLE)
    assert here.get(first) is not None
    assert here.get(second) is None


async def test_there_is_room_for_so_many_and_who_was_idle_for_a_minute_makes_room() -> None:
    clock = Clock()
    here = Visitors(lambda: Visit(STRATEGIES), clock)
    ids = [(await here.begin())[0] for _ in range(AT_MOST)]
    assert len(set(ids)) == AT_MOST
    with pytest.raises(TooMany):
        await here.begin()
    clock.now += 59
    assert all(here.get(id) for id in ids[1:])
    clock.now += 1
    await here.begin()
    assert here.get(ids[0]) is None
    assert all(here.get(id) for id in ids[1:])
    assert len(here) == AT_MOST


@pytest.mark.parametrize("id", ["", "x", "../../etc", "\N{SNOWMAN}"])
async def test_nobody_has_an_id_that_was_not_given_out(id: str) -> None:
    assert Visitors(lambda: Visit(STRATEGIES)).get(id) is None
