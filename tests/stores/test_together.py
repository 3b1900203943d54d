"""Reads that are asked for at the same time are asked together, and each gets what it asked for, or why not."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from admit.core.store import Key, Record
from admit.errors import StoreUnavailable
from admit.stores.together import TOGETHER, UNDER_WAY, Together


class Asked:
    """Answers when it may, with a record for each key whose id is a number."""

    def __init__(self) -> None:
        self.questions: list[Sequence[Key]] = []
        self.may = asyncio.Event()
        self.may.set()
        self.fails = False

    async def __call__(self, keys: Sequence[Key]) -> list[Record | None]:
        self.questions.append(keys)
        await self.may.wait()
        if self.fails:
            raise StoreUnavailable("gone")
        return [Record(kind, id, b"{}", 1) if id.isdecimal() else None for kind, id in keys]


async def turns() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def key(id: object) -> Key:
    return "session", str(id)


async def test_what_is_asked_in_one_turn_is_one_question_and_each_gets_its_own() -> None:
    asked = Asked()
    together = Together(asked)
    found = await asyncio.gather(together.get([key(1), key("a")]), together.get([]), together.get([key(2), key(1)]))
    assert [[record and record.id for record in records] for records in found] == [["1", None], [], ["2", "1"]]
    assert asked.questions == [[key(1), key("a"), key(2), key(1)]]


async def test_who_comes_while_questions_are_under_way_goes_with_the_next_and_never_with_one_that_has_begun() -> None:
    asked = Asked()
    asked.may.clear()
    together = Together(asked)
    tasks = [asyncio.create_task(together.get([key(0)]))]
    for number in range(1, UNDER_WAY + 3):
        await turns()
        tasks.append(asyncio.create_task(together.get([key(number)])))
    await turns()
    assert asked.questions == [[key(number)] for number in range(UNDER_WAY)]
    asked.may.set()
    assert [[record and record.id for record in await task] for task in tasks] == [
        [str(number)] for number in range(UNDER_WAY + 3)
    ]
    assert asked.questions[UNDER_WAY:] == [[key(number) for number in range(UNDER_WAY, UNDER_WAY + 3)]]


async def test_a_question_has_bounds_but_for_one_that_asks_for_more_by_itself() -> None:
    asked = Asked()
    together = Together(asked)
    many = [key(number) for number in range(TOGETHER + 1)]
    await asyncio.gather(together.get(many), *(together.get([one]) for one in many))
    assert [len(question) for question in asked.questions] == [TOGETHER + 1, TOGETHER, 1]


async def test_a_failure_is_that_of_all_who_asked_and_of_nobody_after_them() -> None:
    asked = Asked()
    asked.fails = True
    together = Together(asked)
    found = await asyncio.gather(together.get([key(1)]), together.get([key(2)]), return_exceptions=True)
    assert [type(one) for one in found] == [StoreUnavailable, StoreUnavailable]
    asked.fails = False
    assert [record and record.id for record in await together.get([key(1)])] == ["1"]


async def test_who_does_not_wait_any_more_takes_nothing_from_the_others() -> None:
    asked = Asked()
    asked.may.clear()
    together = Together(asked)
    gone, there = (asyncio.create_task(together.get([key(number)])) for number in (1, 2))
    await turns()
    gone.cancel()
    await turns()
    asked.may.set()
    assert [record and record.id for record in await there] == ["2"]
    with pytest.raises(asyncio.CancelledError):
        await gone


async def test_a_question_that_is_given_up_leaves_nobody_waiting() -> None:
    asked = Asked()
    asked.may.clear()
    together = Together(asked)
    waiting = asyncio.create_task(together.get([key(1)]))
    await turns()
    [under_way] = together._under_way
    under_way.cancel()
    with pytest.raises(StoreUnavailable):
        await waiting
