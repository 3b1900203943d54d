"""The application behind a proxy that says who comes, with a clock that stands in the middle of all windows."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

import httpx

from admit.core.address import TrustedProxies
from admit.testing.clock import FakeClock
from doors import Door, authority, door

BEHIND = TrustedProxies.of(["127.0.0.1"])
DAY = 86_400.0


class Clock(FakeClock):
    """Begins in the middle of every window that counts here."""

    def __init__(self) -> None:
        super().__init__()
        self.advance(30 * DAY - self.now() % (30 * DAY) + 30)

    def next_window(self, seconds: float) -> None:
        self.advance(seconds - self.now() % seconds + 1)


@asynccontextmanager
async def guarded(*people: dict[str, str], **settings: Any) -> AsyncIterator[tuple[Door, Clock]]:
    clock = Clock()
    async with door(authority(clock=clock, proxies=BEHIND, **settings), *people) as here:
        yield here, clock


def somewhere() -> Iterator[dict[str, str]]:
    """One address after the other, none twice."""
    return ({"X-Forwarded-For": f"198.51.{number >> 8}.{number & 255}"} for number in count(1))


async def tried(here: Door, body: dict[str, str], path: str = "/api/sign-in", **headers: str) -> httpx.Response:
    return await here.browser(**headers).post(path, json=body)
