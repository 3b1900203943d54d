"""A copy is followed until there is nothing more to learn; a server that cannot tell has refused nobody."""

from __future__ import annotations

import asyncio

import pytest

from admit.lab.live import copied as copies
from admit.lab.live import words
from admit.lab.live.copied import Copied
from admit.lab.live.servers import Answered, AppServer
from admit.lab.strategies import STRATEGIES
from admit.lab.strategy import Caller, Count, Refused, Unavailable

ABOUT = STRATEGIES["session"].about


class Door:
    """A server that says what it is told to."""

    def __init__(self) -> None:
        self.count = Count()
        self.raises: Exception | None = None

    async def verify(self, header: tuple[str, str]) -> Caller:
        self.count.operations += 2
        if self.raises is not None:
            raise self.raises
        return Caller("ann", frozenset({"user"}))

    async def close(self) -> None:
        pass


def opened(count: int) -> tuple[list[Door], list[AppServer]]:
    doors = [Door() for _ in range(count)]
    return doors, [AppServer(number, ABOUT, door) for number, door in enumerate(doors, 1)]


def made() -> tuple[Copied, list[int]]:
    news = list[int]()

    def note(server: AppServer, answered: Answered, stolen: bool) -> None:
        assert stolen
        assert answered.operations == 2
        news.append(answered.exchange.status)

    return Copied((("cookie", "__Host-session=x"),), 1, True, note), news


async def test_it_is_refused_when_the_last_server_refuses_and_a_server_that_cannot_tell_does_not() -> None:
    doors, servers = opened(3)
    copied, news = made()
    await copied.use(servers)
    copied.end()
    doors[0].raises, doors[1].raises = Refused(), Unavailable()
    await copied.use(servers)
    assert copied.refused is None
    verdict = words.verdict(copied)
    assert verdict is not None
    assert not verdict.settled
    assert "1 of 3 app servers" in verdict.means
    doors[1].raises = doors[2].raises = Refused()
    await copied.use(servers)
    assert copied.lag is not None
    assert 0 <= copied.lag[0] < copied.lag[1]
    assert news == [200, 401, 503]  # each answer that nobody had given before
    assert (copied.requests, copied.let_in, copied.let_in_after_the_end) == (9, 4, 1)


async def test_what_nobody_ends_is_put_away_and_taken_up_again_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copies, "AT_MOST", 0.1)
    monkeypatch.setattr(copies, "_AFTERWARDS", 0.0)
    doors, servers = opened(1)
    copied, _ = made()
    async with asyncio.timeout(30):
        await copied.follow(servers)
    verdict = words.verdict(copied)
    assert verdict is not None
    assert (verdict.good, verdict.settled) == (False, True)
    assert "the lab has put the copy away" in verdict.means
    copied.end()
    doors[0].raises = Refused()
    async with asyncio.timeout(30):
        await copied.follow(servers)
    verdict = words.verdict(copied)
    assert verdict is not None
    assert verdict.good


async def test_what_was_no_good_when_it_was_copied_is_told_so() -> None:
    doors, servers = opened(2)
    doors[0].raises = doors[1].raises = Refused()
    copied, _ = made()
    await copied.use(servers)
    verdict = words.verdict(copied)
    assert verdict is not None
    assert "no good any more" in verdict.means
