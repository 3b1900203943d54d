"""Answers for whoever asks from another event loop than the one that connections belong to."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

from admit.errors import StoreUnavailable

BEGIN = 5.0
"""Seconds within which the other event loop has to begin with what it is asked."""

T = TypeVar("T")


async def on(loop: asyncio.AbstractEventLoop, asked: Coroutine[Any, Any, T]) -> T:
    """What ``asked`` returns on ``loop``, whichever this one is. Raises StoreUnavailable where that one stands still."""
    if loop is asyncio.get_running_loop():
        return await asked
    begun = Future[Future[T]]()

    def begin() -> None:
        if begun.set_running_or_notify_cancel():
            begun.set_result(asyncio.run_coroutine_threadsafe(asked, loop))

    loop.call_soon_threadsafe(begin)
    try:
        await asyncio.wait((asyncio.wrap_future(begun),), timeout=BEGIN)
    except asyncio.CancelledError:
        if begun.cancel():
            asked.close()
        else:
            begun.result().cancel()
        raise
    if begun.cancel():
        asked.close()  # what nobody waits for any more must not be done later
        raise StoreUnavailable("the event loop that the connections of this store belong to stands still")
    return await asyncio.wrap_future(begun.result())
