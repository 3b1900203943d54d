"""One request to a server on this machine, over HTTP, with nothing but the standard library."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from typing import Any

from admit.errors import StoreUnavailable

_ANSWERS_WITHIN = 30.0


@dataclass(frozen=True)
class Answer:
    """What came back: the body as JSON, and the cookie that was set, as a browser would send it."""

    status: int
    body: dict[str, Any]
    cookie: str | None = None


def ask(
    port: int, method: str, path: str, body: Mapping[str, str] | None = None, headers: Mapping[str, str] = {}
) -> Answer:
    """The answer of the server on ``port`` to ``body`` as JSON. Raises StoreUnavailable when there is none."""
    connection = HTTPConnection("127.0.0.1", port, timeout=_ANSWERS_WITHIN)
    try:
        sent = None if body is None else json.dumps(body)
        kind = {} if body is None else {"Content-Type": "application/json"}
        connection.request(method, path, sent, {**headers, **kind})
        response = connection.getresponse()
        text = response.read()
        cookie = response.headers.get("Set-Cookie")
        return Answer(response.status, json.loads(text) if text else {}, cookie and cookie.partition(";")[0])
    except (OSError, HTTPException, ValueError) as error:
        raise StoreUnavailable(f"The server on port {port} does not answer {method} {path}: {error}") from error
    finally:
        connection.close()
