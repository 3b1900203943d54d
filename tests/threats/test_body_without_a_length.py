"""A body that says nothing of its length, or something untrue, fills the memory before anybody counts (OPS-06).

Over HTTP/1.1 a body is announced by Content-Length or Transfer-Encoding. Over HTTP/2 it needs neither (RFC 9113,
section 8.1), so a limit that waits for one of them never comes to be. The server in front is not always ours.
"""

from __future__ import annotations

import json

import pytest
from starlette.types import ASGIApp, Message

from admit.web import application
from admit.web.limits import MAX_BODY_BYTES
from doors import ANN, authority

PIECE = 10_000
JSON = (b"content-type", b"application/json")


async def sent(app: ASGIApp, *headers: tuple[bytes, bytes], body: bytes | None = None) -> tuple[int, int]:
    """The status of the answer to a sign-in over HTTP/2, and how many bytes of an endless body (or ``body``) it took."""
    taken, status = 0, 0

    async def receive() -> Message:
        nonlocal taken
        piece = b" " * PIECE if body is None else body
        taken += len(piece)
        assert taken < 100 * MAX_BODY_BYTES, "it is never enough"
        return {"type": "http.request", "body": piece, "more_body": body is None}

    async def send(message: Message) -> None:
        nonlocal status
        status = message.get("status", status)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "2",
        "method": "POST",
        "scheme": "https",
        "path": "/api/sign-in",
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"auth.example.com"), *headers],
    }
    await app(scope, receive, send)
    return status, taken


@pytest.mark.parametrize(
    "length",
    [(), ((b"content-length", b"10"),), ((b"content-length", b"9" * 5_000),), ((b"content-length", b"ten"),)],
    ids=["none", "too small", "no number that can be read", "no number"],
)
async def test_an_endless_body_is_read_no_further_than_allowed(length: tuple[tuple[bytes, bytes], ...]) -> None:
    async with authority() as auth:
        status, taken = await sent(application(auth), JSON, *length)
        assert status == 413
        assert taken <= MAX_BODY_BYTES + PIECE


async def test_a_body_that_says_that_it_is_too_large_is_not_read_at_all() -> None:
    async with authority() as auth:
        assert await sent(application(auth), JSON, (b"content-length", b"70000")) == (413, 0)


async def test_a_body_without_a_length_has_to_be_json_too() -> None:
    body = json.dumps(ANN).encode()
    async with authority() as auth:
        app = application(auth)
        await auth.accounts.create(ANN["email"], ANN["password"])
        assert await sent(app, JSON, body=body) == (200, len(body))
        assert await sent(app, (b"content-type", b"text/plain"), body=body) == (415, 0)
        assert await sent(app, (b"transfer-encoding", b"chunked"), body=body) == (415, 0)
        # Without a type it is read, since nobody knows yet whether there is one, but never taken for JSON.
        assert await sent(app, body=body) == (415, len(body))
