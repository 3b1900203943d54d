"""A server that stops finishes what it began, says that no more should come, and has written down that it said so."""

from __future__ import annotations

import asyncio
import logging
import socket
from contextlib import suppress
from pathlib import Path

import pytest

from server.inside import inside

READY = b"GET /readyz HTTP/1.1\r\nHost: 127.0.0.1:8000\r\n\r\n"


async def test_that_it_is_not_ready_any_more_stands_in_the_access_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "admit.access")
    over = asyncio.Event()
    async with inside(tmp_path, over=over, drain_limit=60) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        said = b"HTTP/1.1 200 "
        while said.startswith(b"HTTP/1.1 200 "):
            writer.write(READY)
            said = await reader.readuntil(b"\r\n\r\n")
            assert b"x-request-id: " in said.lower()
            over.set()
            await reader.readexactly(int(said.lower().partition(b"content-length: ")[2].partition(b"\r")[0]))
        assert said.startswith(b"HTTP/1.1 503 ")
        assert b"\r\nconnection: close\r\n" in said.lower()
        writer.close()
    lines = [record.getMessage() for record in caplog.records if record.name == "admit.access"]
    assert lines[0].startswith("GET /readyz 200 ")
    assert lines[-1].startswith("GET /readyz 503 ")


async def test_whoever_could_still_connect_is_answered(tmp_path: Path) -> None:
    over = asyncio.Event()
    connected: list[socket.socket] = []
    async with inside(tmp_path, over=over, drain_limit=60) as port:
        over.set()
        # In each turn of the loop: the kernel connects whom nobody accepts any more, until it is told not to.
        for _ in range(20):
            with suppress(ConnectionRefusedError):
                connected.append(socket.create_connection(("127.0.0.1", port)))
                connected[-1].sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:8000\r\n\r\n")
            await asyncio.sleep(0)
        assert connected
        for one in connected:
            reader, writer = await asyncio.open_connection(sock=one)
            assert (await reader.read()).startswith(b"HTTP/1.1 200 ")
            writer.close()
