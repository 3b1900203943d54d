"""Questions to connections that belong to another event loop: answered there, and given up where it stands still."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

from admit.errors import StoreUnavailable
from admit.stores import loops
from admit.stores.loops import on


@pytest.fixture
def other() -> Iterator[asyncio.AbstractEventLoop]:
    """An event loop that runs in a thread of its own."""
    loop = asyncio.new_event_loop()
    running = threading.Thread(target=loop.run_forever)
    running.start()
    yield loop
    loop.call_soon_threadsafe(loop.stop)
    running.join()
    loop.close()


async def where() -> asyncio.AbstractEventLoop:
    await asyncio.sleep(0)
    return asyncio.get_running_loop()


async def test_what_is_asked_happens_on_the_loop_that_it_is_asked_of(other: asyncio.AbstractEventLoop) -> None:
    assert await on(other, where()) is other
    assert await on(asyncio.get_running_loop(), where()) is asyncio.get_running_loop()


async def test_what_is_raised_there_is_raised_here(other: asyncio.AbstractEventLoop) -> None:
    async def fail() -> None:
        raise StoreUnavailable("no")

    with pytest.raises(StoreUnavailable, match="no"):
        await on(other, fail())


async def test_who_asks_no_longer_has_it_cancelled_there(other: asyncio.AbstractEventLoop) -> None:
    begun, cancelled = threading.Event(), threading.Event()

    async def wait() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    asking = asyncio.create_task(on(other, wait()))
    assert await asyncio.to_thread(begun.wait, 60)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert await asyncio.to_thread(cancelled.wait, 60)


async def test_a_loop_that_stands_still_gives_no_answer_and_does_nothing_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loops, "BEGIN", 0.01)
    stands, done = asyncio.new_event_loop(), list[bool]()

    async def act() -> None:
        done.append(True)

    with pytest.raises(StoreUnavailable, match="stands still"):
        await asyncio.wait_for(on(stands, act()), 60)

    def go_on() -> None:
        stands.run_until_complete(asyncio.sleep(0.01))
        stands.close()

    await asyncio.to_thread(go_on)
    assert not done
