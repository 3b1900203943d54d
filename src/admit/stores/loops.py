"""Answers for whoever asks from another event loop than the one that connections belong to."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def on(loop: asyncio.AbstractEventLoop, asked: Coroutine[Any, Any, T]) -> T:
    """What ``asked`` returns on ``loop``, whichever this one is."""
    if loop is asyncio.get_running_loop():
        return await asked
    return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(asked, loop))
