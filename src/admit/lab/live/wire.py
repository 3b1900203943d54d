"""HTTP inside one process: a request goes to an ASGI application, and both are kept as they went."""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import dataclass
from typing import Any

from starlette.types import ASGIApp

Headers = tuple[tuple[str, str], ...]

_LEFT_OUT = frozenset({"content-length"})  # what a reader of these messages learns nothing from


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request, and its answer."""

    line: str
    headers: Headers
    body: str
    status: int
    answer_headers: Headers
    answer_body: str

    def header(self, name: str) -> str | None:
        """The value of the header ``name`` of the answer, if it has one."""
        return next((value for known, value in self.answer_headers if known == name), None)

    @property
    def request(self) -> str:
        """The request as text."""
        return _text(self.line, self.headers, self.body)

    @property
    def answer(self) -> str:
        """The answer as text, without its status."""
        return _text("", self.answer_headers, self.answer_body)


async def exchange(app: ASGIApp, host: str, method: str, path: str, headers: Headers = (), body: str = "") -> Exchange:
    """Send a request to ``app``, which is ``host``, and take its answer."""
    sent = (("host", host), *((name.lower(), value) for name, value in headers))
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "https",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in sent],
        "client": None,
        "server": (host, 443),
    }
    begun = dict[str, Any]()
    parts = list[bytes]()

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": body.encode(), "more_body": False}

    async def send(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            begun.update(message)
        else:
            parts.append(message.get("body", b""))

    await app(scope, receive, send)
    answered = tuple((name.decode(), value.decode()) for name, value in begun["headers"])
    return Exchange(f"{method} {path} HTTP/1.1", sent, body, begun["status"], answered, b"".join(parts).decode())


def _text(line: str, headers: Headers, body: str) -> str:
    told = [line, *(f"{name}: {value}" for name, value in headers if name not in _LEFT_OUT)]
    return "\n".join([*filter(None, told), *(["", body] if body else [])])
