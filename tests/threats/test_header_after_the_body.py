"""A client says after the body who it is, where no proxy looks: trailers that are taken for headers (ENU-04, OPS-06).

Who adds a header about the sender adds it to the headers. A trailer would come after it, and be the last word.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from server.inside import CHUNKED, inside


@pytest.mark.parametrize("trailer", [b"Host: evil.test", b"Content-Type: text/plain", b"Origin: https://evil.test"])
async def test_a_trailer_is_no_header(tmp_path: Path, trailer: bytes) -> None:
    async with inside(tmp_path) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        close = CHUNKED.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
        writer.write(close + b"2\r\n{}\r\n0\r\n" + trailer + b"\r\n\r\n")
        # What the body lacks, and nothing else.
        assert (await reader.read()).startswith(b"HTTP/1.1 422 ")
        writer.close()
