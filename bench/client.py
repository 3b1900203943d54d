"""A client of a server under test: one kept connection, one request after another."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

EMAIL = "ann@example.com"


class Client:
    """A kept connection to the server on ``port``, which is asked as ``host``."""

    def __init__(self, port: int, host: str = "") -> None:
        self._port = port
        self._host = host or f"127.0.0.1:{port}"

    async def ask(
        self, method: str, path: str, headers: str = "", body: Mapping[str, str] | None = None
    ) -> tuple[str, bytes]:
        """The head of the answer, and its body."""
        if not hasattr(self, "_reader"):
            self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        data = b"" if body is None else json.dumps(body).encode()
        kind = "content-type: application/json\r\n" if data else ""
        head = f"{method} {path} HTTP/1.1\r\nhost: {self._host}\r\n{kind}content-length: {len(data)}\r\n"
        self._writer.write(f"{head}{headers}\r\n".encode() + data)
        answer = (await self._reader.readuntil(b"\r\n\r\n")).decode()
        lines = dict(line.lower().split(": ", 1) for line in answer.split("\r\n")[1:] if ": " in line)
        return answer, await self._reader.readexactly(int(lines.get("content-length", "0")))

    async def found(self, method: str, path: str, headers: str = "", body: Mapping[str, str] | None = None) -> Any:
        """What a request that has to succeed is answered, taken apart."""
        answer, data = await self.ask(method, path, headers, body)
        if " 200 " not in answer.splitlines()[0]:
            raise RuntimeError(answer)
        return json.loads(data)

    async def sign_in(self, password: str) -> str:
        """The cookie of a new session."""
        answer, _ = await self.ask("POST", "/api/sign-in", body={"email": EMAIL, "password": password})
        if " 200 " not in answer.splitlines()[0]:
            raise RuntimeError(answer)
        line = next(line for line in answer.split("\r\n") if line.lower().startswith("set-cookie:"))
        return line.partition(": ")[2].partition(";")[0]
