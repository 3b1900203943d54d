"""Clients in an outage: they ask for another token in good time, and what becomes of them is called by its name."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence

import pytest

from admit.lab.people import ROUNDED, SECOND, Person, renewed
from admit.lab.strategy import Count, Ending, Held, Refused, Unavailable
from admit.lab.watching import Answer, Outcome


def held(number: int) -> Held:
    return Held("ann", ("authorization", f"Bearer {number}"), kept="", refresh=f"refresh {number}")


def answer(began: float, outcome: Outcome) -> Answer:
    return Answer(0, int(began * SECOND), int(began * SECOND) + 1, outcome)


class Answering:
    """An issuer that answers in a way that is known."""

    def __init__(self, *answers: Held | Exception) -> None:
        self.count = Count()
        self._answers: Iterator[Held | Exception] = iter(answers)
        self.asked: list[str | None] = []

    async def refresh(self, held: Held) -> Held:
        self.asked.append(held.refresh)
        found = next(self._answers)
        if isinstance(found, Exception):
            raise found
        return found

    async def load(self, subjects: Sequence[str]) -> None: ...
    async def sign_in(self, subject: str, *, roles: frozenset[str] = frozenset()) -> Held:
        return held(0)

    async def end(self, how: Ending, held: Held) -> None: ...
    async def kept_bytes(self) -> int:
        return 0

    async def close(self) -> None: ...


@pytest.mark.parametrize(
    ("asked", "outcome", "sort"),
    [
        (5.0, "in", "let_in"),
        (5.0, "unavailable", "unavailable"),
        (5.0, "refused", "thrown_out"),  # his token is good
        (10.0, "refused", "unavailable"),  # it has run out, and there is no other yet
        (12.0, "refused", "thrown_out"),  # he was told to sign in again
        (15.5, "refused", "refused"),  # he is being ended
        (15.5, "in", "let_in"),
        (16.5, "in", "wrongly_let_in"),
        (16.5, "unavailable", "unavailable"),
    ],
)
def test_what_somebody_is_told_is_called_by_its_name(asked: float, outcome: Outcome, sort: str) -> None:
    tokens = [(0.0, 6.0 * SECOND), (4.0 * SECOND, 10.0 * SECOND)]
    ann = Person(held(1), ending=15 * SECOND, ended=16 * SECOND, refused=11 * SECOND, tokens=tokens)
    assert ann.sort(answer(asked, outcome)) == sort


def test_a_token_may_run_out_before_its_time_by_no_more_than_it_is_rounded() -> None:
    ann = Person(held(1), tokens=[(0.0, 10.0 * SECOND)])
    assert ann.sort(answer(10 - ROUNDED, "refused")) == "unavailable"
    assert ann.sort(answer(10 - ROUNDED - 0.01, "refused")) == "thrown_out"


async def test_a_client_tries_again_until_it_has_the_next_token_and_gives_up_when_it_is_refused() -> None:
    issuer = Answering(Unavailable(), held(2), Refused())
    told: list[Held] = []

    async def hears(new: Held) -> None:
        told.append(new)

    ann = Person(held(1))
    await renewed(ann, issuer, 0.02, 0.0, asyncio.Event(), hears)
    assert issuer.asked == ["refresh 1", "refresh 1", "refresh 2"]
    assert told == [held(2)]
    assert ann.held == held(2)
    ((since, until),) = ann.tokens
    assert until - since <= 0.02 * SECOND
    assert ann.refused <= time.monotonic_ns()


async def test_nobody_asks_for_whom_it_is_over_or_who_was_ended() -> None:
    over = asyncio.Event()
    over.set()
    issuer = Answering()
    await renewed(Person(held(1)), issuer, 1.0, 60.0, over, lambda _: asyncio.sleep(0))
    await renewed(Person(held(1), ending=1.0), issuer, 1.0, 0.0, asyncio.Event(), lambda _: asyncio.sleep(0))
    assert issuer.asked == []
