"""A WSGI application as an ASGI one, so that every test of guards meets both: each request in a thread of its own."""

from __future__ import annotations

import asyncio
import io
from typing import Any
from urllib.parse import unquote
from wsgiref.types import WSGIApplication
from wsgiref.validate import validator

from admit.guards.asgi import App, Receive, Scope, Send
from admit.trail import ACTING


def environ_of(scope: Scope) -> dict[str, Any]:
    """What wsgiref's server hands to an application for the request of ``scope``; it joins what comes twice."""
    environ: dict[str, Any] = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote(scope["raw_path"].decode("ascii"), "latin-1"),
        "QUERY_STRING": scope["query_string"].decode("ascii"),
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in scope["headers"]:
        key = name.decode("latin-1").upper().replace("-", "_")
        key = key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"
        before = f"{environ[key]}," if key in environ else ""
        environ[key] = before + value.decode("latin-1")
    return environ


def in_a_thread(app: WSGIApplication) -> App:
    """``app`` behind ASGI, and watched by the standard library's judge of WSGI."""
    judged = validator(app)

    def called(environ: dict[str, Any]) -> tuple[int, list[tuple[str, str]], bytes]:
        started: list[tuple[str, list[tuple[str, str]]]] = []

        def start_response(status: str, headers: list[tuple[str, str]], _: Any = None) -> Any:
            started.append((status, headers))
            return lambda _: None

        before = ACTING.get()
        answer = judged(environ, start_response)
        try:
            body = b"".join(answer)
        finally:
            answer.close()  # type: ignore[attr-defined]  # the validator's answer has one, and insists
        assert ACTING.get() == before, "the next request of this thread would be taken for the same person's"
        [(status, headers)] = started
        return int(status[:3]), headers, body

    async def served(scope: Scope, receive: Receive, send: Send) -> None:
        del receive
        status, headers, body = await asyncio.to_thread(called, environ_of(scope))
        lines = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        await send({"type": "http.response.start", "status": status, "headers": lines})
        await send({"type": "http.response.body", "body": body})

    return served
