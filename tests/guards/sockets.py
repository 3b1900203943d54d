"""A client of WebSockets that sees what an ASGI application does with one."""

from __future__ import annotations

from typing import Any

from admit.guards.asgi import App, Message


async def opened(app: App, headers: dict[str, str], *, can_answer: bool = True) -> list[dict[str, Any]]:
    """What ``app`` sends when somebody opens a WebSocket; ``can_answer``: the server can give refusals a body."""
    sent: list[dict[str, Any]] = []
    given = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    scope = {
        "type": "websocket",
        "asgi": {"version": "3.0"},
        "scheme": "wss",
        "method": "GET",  # some servers say so, though no WebSocket is a mere GET
        "path": "/links",
        "raw_path": b"/links",
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"app.example.com"), *given],
        "subprotocols": [],
        "extensions": {"websocket.http.response": {}} if can_answer else {},
    }

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        sent.append(dict(message))

    await app(scope, receive, send)
    return sent
