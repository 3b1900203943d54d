"""A server in the process of the test, whose loop is the test's, for what is written to a connection byte by byte."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from admit.server.load import load
from admit.server.serve import bound, plain, served

CHUNKED = b"POST /api/sign-in HTTP/1.1\r\nHost: 127.0.0.1:8000\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"


@asynccontextmanager
async def inside(
    directory: Path,
    furnish: Callable[[FastAPI], None] = plain,
    over: asyncio.Event | None = None,
    drain_limit: float = 1,
    **more: Any,
) -> AsyncIterator[int]:
    """The port of a server with the settings ``more``, which stops once it is ``over``."""
    settings = load(store=f"sqlite:///{directory / 'admit.db'}", drain_limit=drain_limit, **more)
    ready, over = asyncio.Event(), over or asyncio.Event()
    with bound("127.0.0.1", 0) as listening:
        port: int = listening.getsockname()[1]
        serving = asyncio.create_task(served(settings, listening, furnish=furnish, ready=ready.set, orphaned=over))
        await ready.wait()
        try:
            yield port
        finally:
            over.set()
            await serving
