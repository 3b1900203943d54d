"""Who sends a header byte by byte or without end, or does not read, holds a connection as long as he likes (OPS-06, COO-04).

Or fills the memory: with requests that he sends ahead of the answers, each of which is kept until its turn.
"""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from pathlib import Path

import pytest
from fastapi import FastAPI, Response

from admit.server import connection
from server.inside import CHUNKED, inside

SOON = 0.6
LARGE = 16 << 20  # more than the buffers of a connection hold
BODY_TO_COME = b"Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n"


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for limit in ("HEADERS_WITHIN", "BODY_WITHIN", "READ_WITHIN", "KEPT_FOR"):
        monkeypatch.setattr(connection, limit, SOON)
    monkeypatch.setattr(connection, "LOOK_EVERY", 0.1)


def with_a_large_answer(app: FastAPI) -> None:
    @app.get("/large")
    async def large() -> Response:
        return Response(b"x" * LARGE)


async def answer_to_drops(port: int, begin: bytes, drop: bytes) -> tuple[bytes, int]:
    """What was answered, and how many drops could be sent until the connection was over."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(begin)
    said, dropped = asyncio.create_task(reader.read()), 0
    with suppress(ConnectionError):
        while not said.done() and dropped < 200:
            writer.write(drop)
            await writer.drain()
            dropped += 1
            await asyncio.wait([said], timeout=0.05)
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()
    try:
        return await said, dropped
    except ConnectionError:
        return b"", dropped


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("begin", "drop"),
    [
        (b"", b"G"),
        (b"GET /healthz HTTP/1.1\r\nX: ", b"x"),
        (b"POST /api/sign-in HTTP/1.1\r\nHost: 127.0.0.1:8000\r\n" + BODY_TO_COME, b" "),
        (b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:8000\r\n\r\n", b"\r\n"),
        (b"GET /large HTTP/1.1\r\nHost: 127.0.0.1:8000\r\n\r\n", b"\r\n"),
    ],
    ids=["a method", "a header", "a body", "nothing, after an answer", "nothing, after one he had to wait for"],
)  # fmt: skip
async def test_whoever_sends_drop_by_drop_is_cut_off(tmp_path: Path, begin: bytes, drop: bytes) -> None:
    async with inside(tmp_path, with_a_large_answer) as port:
        _, dropped = await answer_to_drops(port, begin, drop)
        assert dropped < 100
        # Who sends a whole request is answered as ever.
        said, _ = await answer_to_drops(port, b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:8000\r\n\r\n", b"")
        assert said.startswith(b"HTTP/1.1 200 ")
        # Nor does it say what it is made of (OPS-07).
        assert b"\r\nserver:" not in said.lower()


@pytest.mark.usefixtures("quick")
async def test_whoever_does_not_read_is_cut_off(tmp_path: Path) -> None:
    async with inside(tmp_path, with_a_large_answer) as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        # The second answer waits for the first, which waits for him.
        writer.write(b"GET /large HTTP/1.1\r\nHost: 127.0.0.1:8000\r\n\r\n" * 2)
        with pytest.raises(ConnectionError):  # noqa: PT012 - whichever of them finds out
            for _ in range(200):
                writer.write(b"\r\n")
                await writer.drain()
                await asyncio.sleep(0.05)
        writer.close()


@pytest.mark.parametrize(
    "header",
    [
        b"X: " + b"x" * 40_000,
        b"\r\n".join(b"X%d: x" % n for n in range(8_000)),
        b"Cookie: " + b"; ".join(b"planted%d=%s" % (n, b"x" * 4_000) for n in range(9)),
    ],
    ids=["one", "many", "cookies"],
)
async def test_headers_without_end_are_refused(tmp_path: Path, header: bytes) -> None:
    async with inside(tmp_path, with_a_large_answer) as port:
        for end in (b"", b"\r\n\r\n"):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:8000\r\n" + header + end)
            head, _, body = (await reader.read(65_536)).partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 431 ")
            # Whoever was given them by somebody else reads what to do.
            assert b"delete its cookies" in body
            assert b"HTTP/1.1" not in body
            writer.close()


async def test_as_many_cookies_as_fit_keep_nobody_out(tmp_path: Path) -> None:
    async with inside(tmp_path, with_a_large_answer) as port:
        cookies = b"; ".join(b"planted%d=%s" % (n, b"x" * 4_000) for n in range(8))
        begin = (
            b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:8000\r\nConnection: close\r\nCookie: " + cookies + b"\r\n\r\n"
        )
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(begin)
        assert (await reader.read()).startswith(b"HTTP/1.1 200 ")
        writer.close()


async def test_more_connections_than_there_may_be_are_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADMIT_MAX_CONNECTIONS", "10")
    async with inside(tmp_path, with_a_large_answer) as port:
        held = [socket.create_connection(("127.0.0.1", port)) for _ in range(10)]
        said, _ = await answer_to_drops(port, b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:8000\r\n\r\n", b"")
        assert said.startswith(b"HTTP/1.1 503 ")
        for one in held:
            one.close()


async def test_requests_sent_ahead_of_the_answers_do_not_pile_up(tmp_path: Path) -> None:
    request = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:8000\r\n\r\n"
    last = request.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    async with inside(tmp_path, with_a_large_answer) as port:
        for number, all_answered in ((8, True), (1_000, False)):
            said, _ = await answer_to_drops(port, request * (number - 1) + last, b"")
            assert (said.count(b"HTTP/1.1 200 ") == number) is all_answered


async def test_a_trailer_without_end_is_cut_off(tmp_path: Path) -> None:
    async with inside(tmp_path, with_a_large_answer) as port:
        _, dropped = await answer_to_drops(port, CHUNKED + b"2\r\n{}\r\n0\r\nX: ", b"x" * 20_000)
        assert dropped < 100
        # Nobody is cut off for a body in small pieces.
        body = b" " * 20_000 + b"{}"
        pieces = b"".join(b"1\r\n%c\r\n" % byte for byte in body)
        said, _ = await answer_to_drops(port, CHUNKED + pieces + b"0\r\n\r\n", b"")
        assert said.startswith(b"HTTP/1.1 422 ")


async def test_a_large_body_is_refused_and_its_sender_goes_on(tmp_path: Path) -> None:
    large = CHUNKED.replace(b"Transfer-Encoding: chunked", b"Content-Length: 1000000") + b" " * 1_000_000
    last = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:8000\r\nConnection: close\r\n\r\n"
    async with inside(tmp_path, with_a_large_answer) as port:
        said, _ = await answer_to_drops(port, large + last, b"")
        assert said.startswith(b"HTTP/1.1 413 ")
        assert b"HTTP/1.1 200 " in said
