"""The live lab has room for so many, forgets who stays away, and keeps each visitor's lab to that visitor."""

from __future__ import annotations

import asyncio

import pytest

from admit.errors import BadInput, TooMany
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


async def test_of_those_who_are_forgotten_while_others_are_nobody_is_forgotten_twice() -> None:
    clock = Clock()
    here = Visitors(lambda: Visit(STRATEGIES), clock)
    for _ in range(3):
        _, visit = await here.begin()
        await visit.act("sign-in", "")
        await visit.act("steal", "")  # somebody runs who has to be stopped
    clock.now += IDLE
    await asyncio.gather(*(here.forget(IDLE) for _ in range(3)))
    assert len(here) == 0


async def test_a_visit_that_was_forgotten_starts_nothing_any_more() -> None:
    visit = Visit(STRATEGIES)
    await visit.act("sign-in", "")
    closing, late = asyncio.create_task(visit.close()), asyncio.create_task(visit.act("look", ""))
    with pytest.raises(BadInput):
        await late
    await closing
    assert (await visit.look()).lanes == ()


@pytest.mark.parametrize("id", ["", "x", "../../etc", "\N{SNOWMAN}"])
async def test_nobody_has_an_id_that_was_not_given_out(id: str) -> None:
    assert Visitors(lambda: Visit(STRATEGIES)).get(id) is None
