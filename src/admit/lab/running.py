"""A strategy that is in use on a store, and the people whose requests it is measured with."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from admit.core.ids import HOMES, home_of, new_id
from admit.lab.report import Value
from admit.lab.strategy import Issuer, Plan, Store, Strategy
from admit.lab.watching import Header
from admit.system import chance

PEOPLE = 128
"""How many send the requests of a measurement, in turn: of one alone, a processor would keep everything at hand."""

TOGETHER = 16
"""Sign-ins at once."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Running:
    """A strategy whose issuer is open."""

    strategy: Strategy
    plan: Plan
    store: Store
    issuer: Issuer


def subjects(number: int) -> list[str]:
    """So many that nobody else has, named as accounts are."""
    return [new_id(home_of(HOMES[place % 64]), time.time(), chance) for place in range(number)]


async def signed_in(issuer: Issuer, number: int = PEOPLE) -> list[Header]:
    """What so many people send, who have just signed in."""
    people = subjects(number)
    headers: list[Header] = []
    for at in range(0, number, TOGETHER):
        signed = await asyncio.gather(*map(issuer.sign_in, people[at : at + TOGETHER]))
        headers += (held.header for held in signed)
    return headers


def in_turns(lanes: Sequence[T], repeats: int) -> Iterator[T]:
    """Each of ``lanes`` so many times, in rounds that begin with another one each."""
    for turn in range(repeats):
        first = turn * len(lanes) // repeats
        yield from lanes[first:]
        yield from lanes[:first]


def value(found: Iterable[float]) -> Value:
    """The median of repeats, and how far they lie apart."""
    repeats = list(found)
    return Value(statistics.median(repeats), min(repeats), max(repeats), len(repeats))
