"""A transport that sends what is written in one turn of the event loop at once: the head and the body of an answer."""

from __future__ import annotations

import asyncio
from typing import Any

HELD_AT_MOST = 65_536
"""Bytes that wait for more; what is beyond goes out, so that whoever writes learns that nobody reads."""


class Gathered:
    """``transport``, which sends what it is given when :meth:`send` is called, or this turn of the loop is over.

    A server that writes the head of an answer and then its body makes two packets of it, and wakes whoever waits for
    it twice; to send costs more than most answers do.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._held: list[bytes] = []
        self._size = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Send ``data``, soon, after what was written before."""
        if not self._held:
            self._loop.call_soon(self.send)
        self._held.append(data)
        self._size += len(data)
        if self._size > HELD_AT_MOST:
            self.send()

    def close(self) -> None:
        """Close the connection once all that was written is sent."""
        self.send()
        self._transport.close()

    def abort(self) -> None:
        """Cut the connection off; what waits is not sent."""
        self._held.clear()
        self._transport.abort()

    def send(self) -> None:
        """Send what was written."""
        if self._held:
            data = self._held[0] if len(self._held) == 1 else b"".join(self._held)
            self._held.clear()
            self._size = 0
            self._transport.write(data)
