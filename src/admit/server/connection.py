"""A connection that cannot be held open by sending slowly, reading slowly, or sending headers without end."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from admit.server.gathered import Gathered

HEADERS_WITHIN = 10.0
"""Seconds from the first byte of a connection or a request to the end of its headers."""

BODY_WITHIN = 20.0
"""Seconds from the end of the headers to the end of the body."""

READ_WITHIN = 20.0
"""Seconds for which somebody who does not read an answer keeps it waiting."""

KEPT_FOR = 5
"""Seconds that a connection is kept for another request; whoever is in front of us must let go sooner."""

MAX_HEADER_BYTES = 32_768
"""What a request line and headers may have together."""

MAX_FRAMING_BYTES = 524_288
"""What a request may have beside its body: headers, the sizes of chunks, trailers; and what came with it of the next."""

MAX_WAITING = 16
"""Requests that may wait on a connection for the answer to one before them; browsers and proxies send none ahead."""

LOOK_EVERY = 0.5

_INFO: int | None = getattr(socket, "TCP_INFO", None)
_ESTABLISHED = 1
"""The first byte of what Linux tells of a connection (tcp(7), TCP_INFO) while both sides may send."""

_TOO_LARGE = b"The headers of this request are too large. If your browser sent it, delete its cookies of this site.\n"


class Bounded(HttpToolsProtocol):
    """HTTP/1.1 over a connection that ends when its request does not arrive (OPS-06: slowloris)."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """It has opened."""
        self._gathered = Gathered(transport, self.loop)
        self._socket = transport.get_extra_info("socket")
        super().connection_made(cast("asyncio.Transport", self._gathered))
        self._head: int | None = 0
        self._until = self.loop.time() + HEADERS_WITHIN
        self._read_by: float | None = None
        self._framing = 0

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        """Answer a request; in this turn of the loop where the application can say at once that the answer is yes."""
        at_once = getattr(self.config.app, "at_once", None)
        plain = cycle.keep_alive and app is cast("Any", self).app
        lines = at_once(cycle.scope) if at_once is not None and plain else None
        if lines is None:
            super()._start_asgi_task(cycle, app)
            return
        cycle.response_started = cycle.response_complete = True
        always = b"".join(name + b": " + value + b"\r\n" for name, value in self.server_state.default_headers)
        self.transport.write(b"HTTP/1.1 200 OK\r\n" + always + lines + b"\r\n")
        self.on_response_complete()  # which begins the next that waits: no deeper than MAX_WAITING

    def data_received(self, data: bytes) -> None:
        """Some bytes came, of one request or of several."""
        if self._head is not None:
            self._head += len(data)
        self._framing += len(data)
        super().data_received(data)
        # The same goes for a trailer.
        if self._framing > MAX_FRAMING_BYTES:
            self.transport.abort()
        # Until a header ends, the parser keeps all of it.
        if self._head is not None and self._head > MAX_HEADER_BYTES and not self.transport.is_closing():
            self._refuse_large()

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._head, self._framing = self._head or 0, 0
        self._until = self.loop.time() + HEADERS_WITHIN

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, or a trailer, which nobody asked for."""
        # RFC 9110, 6.5.1: never merged, or the client would have the last word after what a proxy says of him.
        if self._head is not None:
            super().on_header(name, value)

    def on_body(self, body: bytes) -> None:
        """A part of the body."""
        self._framing -= len(body)
        super().on_body(body)

    def on_headers_complete(self) -> None:
        """Its headers are there."""
        self._head = None
        if len(self.url) + sum(len(name) + len(value) for name, value in self.headers) > MAX_HEADER_BYTES:
            self._refuse_large()
            raise ValueError("headers too large")  # nothing more is read
        if self._is_given_up():
            # Read late, by a process that hung: whoever sent it may have been told so, and be done with it elsewhere. A
            # refresh token that was spent there meanwhile would come a second time, and end its session.
            self.transport.abort()
            raise ValueError("given up")
        if len(self.pipeline) >= MAX_WAITING:
            # Each is kept in 30 times the bytes it was sent in, and every answer makes room to read on.
            self.transport.abort()
            raise ValueError("too many requests ahead")
        self._until = self.loop.time() + BODY_WITHIN
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Its body is there: what is left is ours to do, if it was not answered before."""
        super().on_message_complete()
        self._until = float("inf")
        if self.cycle.response_complete:
            self._wait_for_another()

    def on_response_complete(self) -> None:
        """It is answered."""
        self._gathered.send()
        super().on_response_complete()
        if self._until == float("inf") and self.cycle.response_complete:
            self._wait_for_another()

    def _wait_for_another(self) -> None:
        self._head, self._until = 0, self.loop.time() + KEPT_FOR

    def pause_writing(self) -> None:
        """The other side does not read."""
        super().pause_writing()
        self._read_by = self.loop.time() + READ_WITHIN

    def resume_writing(self) -> None:
        """It reads again."""
        super().resume_writing()
        self._read_by = None
        # What he had to send meanwhile may come late, and has to come all the same.
        self._until = max(self._until, self.loop.time() + KEPT_FOR)

    def send_400_response(self, msg: str) -> None:
        """Answer what cannot be read; nothing where it was answered already."""
        if not self.transport.is_closing():
            super().send_400_response(msg)

    def _is_given_up(self) -> bool:
        """Whether the other side has hung up: nobody waits for an answer."""
        if _INFO is None:  # a system for development
            return False
        told: bytes = self._socket.getsockopt(socket.IPPROTO_TCP, _INFO, 1)
        return told[0] != _ESTABLISHED

    def _refuse_large(self) -> None:
        # RFC 6585, section 5. Said in words: whoever was given too many cookies would never come in again (COO-04).
        self.transport.write(
            b"HTTP/1.1 431 Request Header Fields Too Large\r\nContent-Type: text/plain; charset=utf-8\r\n"
            b"Content-Length: %d\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n%s"
            % (len(_TOO_LARGE), _TOO_LARGE)
        )
        self.transport.close()

    def end_if_overdue(self, now: float) -> None:
        """Cut it off when what it waits for should have come, or been read, by ``now``."""
        if now > (self._until if self._read_by is None else self._read_by):
            self.transport.abort()


async def end_overdue(connections: Iterable[object]) -> None:
    """Cut off, again and again, what has waited too long: one timer for all, so that a request costs none."""
    while True:
        await asyncio.sleep(LOOK_EVERY)
        now = asyncio.get_running_loop().time()
        for connection in [one for one in connections if isinstance(one, Bounded)]:
            connection.end_if_overdue(now)
