"""One of several processes that serve one socket: it tells its parent that it is ready, and outlives it not."""

from __future__ import annotations

import asyncio
import socket

from admit.server.log import log_to_stderr
from admit.server.serve import served
from admit.server.settings import Settings

READY = b"ready"


def run(settings: Settings, listening: int, parent: int) -> None:
    """Serve the socket ``listening`` until told to stop; ``parent`` is a socket, both are descriptors of ours."""
    log_to_stderr(settings.log_format)
    asyncio.run(_served(settings, socket.socket(fileno=listening), socket.socket(fileno=parent)))


async def _served(settings: Settings, listening: socket.socket, parent: socket.socket) -> None:
    orphaned = asyncio.Event()
    with listening, parent:
        # It never says anything: what there is to read is its end.
        asyncio.get_running_loop().add_reader(parent, orphaned.set)
        await served(settings, listening, ready=lambda: parent.sendall(READY), orphaned=orphaned)
