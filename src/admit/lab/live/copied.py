"""A copy of a credential in somebody else's hands: what each application server says to it, time after time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from admit.lab.live.servers import OK, UNAUTHORIZED, Answered, AppServer
from admit.lab.live.wire import Headers

EVERY = 0.25
"""Seconds between two rounds of requests, one to each application server."""

AT_MOST = 120.0
"""Seconds after which the copy is put away, counted from the theft, or from the end."""

_AFTERWARDS = 2.0
"""Seconds of refusals that are enough."""

Said = Literal["let in", "refused", "told to wait"]


@dataclass(slots=True)
class Run:
    """One server said the same from ``since`` to ``until`` (seconds after the copy was made)."""

    since: float
    until: float
    said: Said


@dataclass(slots=True)
class Refusals:
    """When a copy was refused for good (seconds after it was made): by the first server, and by the last."""

    first: float
    last: float


@dataclass
class Copied:
    """The headers ``headers``, copied now. ``stolen``: by a thief; else kept by the lab, to see what becomes of it.

    ``sign_in`` tells which sign-in they come from, ``note`` is told the first answer, and each that is another.
    """

    headers: Headers
    sign_in: int
    stolen: bool
    note: Callable[[AppServer, Answered, bool], None]
    made: float = field(default_factory=time.monotonic)
    ended: float | None = None  # seconds after it was made, when an end of it was acknowledged
    requests: int = 0
    let_in: int = 0
    let_in_after_the_end: int = 0
    runs: dict[int, list[Run]] = field(default_factory=dict[int, list[Run]])
    refused: Refusals | None = None

    @property
    def age(self) -> float:
        """Seconds since it was made."""
        return time.monotonic() - self.made

    @property
    def over(self) -> bool:
        """Whether there is nothing more to learn from it."""
        if self.refused is not None:
            return self.age > max(self.refused.last, self.ended or 0.0) + _AFTERWARDS
        return self.age > (self.ended or 0.0) + AT_MOST

    @property
    def by_the_end(self) -> bool:
        """Whether it was refused once an end of it was acknowledged, and not before."""
        return self.refused is not None and self.ended is not None and self.refused.last >= self.ended

    @property
    def lag(self) -> tuple[float, float] | None:
        """Milliseconds until the first server refused it and until the last did: after the end, or after the theft."""
        if self.refused is None:
            return None
        since = (self.ended or 0.0) if self.by_the_end else 0.0
        return (max(0.0, self.refused.first - since) * 1_000, (self.refused.last - since) * 1_000)

    def end(self) -> None:
        """Note that an end of it was acknowledged now."""
        if self.ended is None:
            self.ended = self.age

    async def follow(self, servers: Sequence[AppServer]) -> None:
        """Use it at each of ``servers``, which may change meanwhile, until there is nothing more to learn."""
        while not self.over:
            await self.use(servers)
            await asyncio.sleep(EVERY)

    async def use(self, servers: Sequence[AppServer]) -> None:
        """Use it once at each of ``servers``."""
        asked = list(servers)
        for server in asked:
            sent = self.age
            answered = await server.get(self.headers)
            self._heard(server, answered, sent)
        standing = [runs[-1] for server in asked if (runs := self.runs.get(server.number))]
        if self.refused is None and standing and all(run.said == "refused" for run in standing):
            self.refused = Refusals(min(run.since for run in standing), max(run.since for run in standing))

    def _heard(self, server: AppServer, answered: Answered, sent: float) -> None:
        said = _said(answered.exchange.status)
        self.requests += 1
        if said == "let in":
            self.let_in += 1
            # Sent before the end was acknowledged, it says nothing about what the end is worth.
            self.let_in_after_the_end += self.ended is not None and sent > self.ended
        runs = self.runs.setdefault(server.number, [])
        if runs and runs[-1].said == said:
            runs[-1].until = self.age
            return
        if self._is_news(said):
            self.note(server, answered, self.stolen)
        runs.append(Run(self.age, self.age, said))

    def _is_news(self, said: Said) -> bool:
        """Whether no server has said ``said`` yet."""
        return all(run.said != said for runs in self.runs.values() for run in runs)


def _said(status: int) -> Said:
    return "let in" if status == OK else "refused" if status == UNAUTHORIZED else "told to wait"
