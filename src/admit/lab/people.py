"""People whose requests are watched through an outage, and their clients, which ask for another token in good time."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field

from admit.lab.strategy import Held, Issuer, Refused, Unavailable
from admit.lab.watching import Answer

SECOND = 1_000_000_000

ROUNDED = 1.1
"""Seconds that a token may be refused before its time: what stands in it are whole ones."""

AGAIN = 0.25
"""Seconds until a client that was told to try again does."""


@dataclass(slots=True)
class Person:
    """Somebody who asks, and when he was ended (nanoseconds of the monotonic clock), if he was."""

    held: Held
    ending: float = math.inf  # when it was asked for
    ended: float = math.inf  # when it was acknowledged
    refused: float = math.inf  # when he was told that no token follows: he has to sign in again
    tokens: list[tuple[float, float]] = field(default_factory=list[tuple[float, float]])  # from when, until when

    def sort(self, answer: Answer) -> str:
        """Which count of a Moment ``answer`` belongs to."""
        if answer.outcome == "unavailable":
            return "unavailable"
        if answer.outcome == "in":
            return "wrongly_let_in" if answer.began > self.ended else "let_in"
        if answer.answered > self.ending:
            return "refused"
        # Whose token has run out while nobody gives him another one stays signed in: his client tries again.
        return "unavailable" if answer.began < self.refused and self._is_due(answer.began) else "thrown_out"

    def _is_due(self, at: float) -> bool:
        until = next((until for since, until in reversed(self.tokens) if since <= at), math.inf)
        return at >= until - ROUNDED * SECOND


async def renewed(
    person: Person,
    issuer: Issuer,
    seconds: float,
    first: float,
    over: asyncio.Event,
    told: Callable[[Held], Awaitable[None]],
) -> None:
    """Have the next token in time, until it is ``over``, refused, or he is ended; ``told`` hears of each.

    Tokens live for ``seconds``; the client asks when half of that is left, and the first time when ``first`` are over.
    """
    wait = first
    while not await _passed(over, wait):
        if person.ending < math.inf:
            return
        asked = time.monotonic_ns()
        try:
            person.held = await issuer.refresh(person.held)
        except Unavailable:
            wait = AGAIN
            continue
        except Refused:
            person.refused = time.monotonic_ns()
            return
        await told(person.held)
        person.tokens.append((time.monotonic_ns(), asked + seconds * SECOND))
        wait = seconds / 2


async def _passed(over: asyncio.Event, seconds: float) -> bool:
    with suppress(TimeoutError):
        await asyncio.wait_for(over.wait(), seconds)
    return over.is_set()
