"""What lies between verifiers and an authority: a process that passes bytes on, or does to them what networks do."""

from __future__ import annotations

import asyncio
import random
import socket
import struct

from processes.crew import Line

CLEAR, BLACK_HOLE, RESET, DELAY, CUT = "clear", "black hole", "reset", "delay", "cut"
FAULTS = (BLACK_HOLE, RESET, DELAY, CUT)

_RESET = struct.pack("ii", 1, 0)
"""For SO_LINGER: whoever closes sends a reset, not an end."""


class _Between:
    """Passes on what comes, as ``mode`` says.

    In a black hole all is held back, and given out when it is over: late, as a network does. A delay is half of
    ``bound`` at most. What is cut is an answer, anywhere.
    """

    def __init__(self, to: int, bound: float, seed: int) -> None:
        self._to = to
        self._bound = bound
        self._dice = random.Random(seed)
        self._mode = CLEAR
        self._open: set[asyncio.StreamWriter] = set()
        self._out = asyncio.Event()
        self._out.set()

    def turn(self, mode: str) -> None:
        """Do ``mode`` from now on."""
        self._mode = mode
        if mode == BLACK_HOLE:
            self._out.clear()
        else:
            self._out.set()
        if mode == RESET:
            for writer in self._open:
                _reset(writer)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Connect somebody with the authority."""
        if self._mode == RESET:
            _reset(writer)
            return
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._to)
        except OSError:
            _reset(writer)
            return
        both = {writer, far_writer}
        self._open |= both
        try:
            await asyncio.gather(self._pump(reader, far_writer), self._pump(far_reader, writer, answers=True))
        except OSError:
            pass
        finally:
            self._open -= both
            for one in both:
                _reset(one)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, answers: bool = False) -> None:
        while data := await reader.read(65_536):
            await self._out.wait()
            if self._mode == DELAY:
                await asyncio.sleep(self._dice.uniform(0, self._bound / 2))
            if self._mode == CUT and answers and self._dice.random() < 0.5:
                writer.write(data[: self._dice.randrange(len(data))])
                await writer.drain()
                raise ConnectionResetError
            writer.write(data)
            await writer.drain()
        raise ConnectionResetError


def _reset(writer: asyncio.StreamWriter) -> None:
    connection = writer.get_extra_info("socket")
    if connection is not None and connection.fileno() >= 0:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()


async def proxy(line: Line, port: int, to: int, bound: float, seed: int) -> None:
    """Lies between ``port`` and the authority at the port ``to``, and turns to what it is told."""
    between = _Between(to, bound, seed)
    async with await asyncio.start_server(between.serve, "127.0.0.1", port):
        line.say("ready")
        while True:
            between.turn(await asyncio.to_thread(line.hear))
            line.say("turned")
