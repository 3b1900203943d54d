"""One request to a server on this machine, over HTTP, with nothing but the standard library."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPMessage
from typing import Any

from admit.errors import StoreUnavailable

_ANSWERS_WITHIN = 30.0


@dataclass(frozen=True)
class Answer:
    """What came back; ``body`` is what it says in JSON, empty where it says something else."""

    status: int
    body: Mapping[str, Any] = field(default_factory=dict[str, Any])
    text: str = ""
    headers: HTTPMessage = field(default_factory=HTTPMessage)

    @property
    def cookie(self) -> str:
        """The cookie that was set first, as a browser would send it; "" if none was."""
        return (self.headers.get("Set-Cookie") or "").partition(";")[0]

    @property
    def location(self) -> str:
        """Where it leads to, "" if nowhere."""
        return self.headers.get("Location") or ""


def ask(
    port: int, method: str, path: str, body: Mapping[str, str] | None = None, headers: Mapping[str, str] = {}
) -> Answer:
    """The answer of the server on ``port`` to ``body`` as JSON. Raises StoreUnavailable when there is none."""
    if body is None:
        return send(port, method, path, None, headers)
    return send(port, method, path, json.dumps(body).encode(), {**headers, "Content-Type": "application/json"})


def send(port: int, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Answer:
    """The answer of the server on ``port`` to ``body`` as it is. Raises StoreUnavailable when there is none."""
    connection = HTTPConnection("127.0.0.1", port, timeout=_ANSWERS_WITHIN)
    try:
        connection.request(method, path, body, dict(headers))
        response = connection.getresponse()
        text = response.read().decode()
        is_json = response.headers.get_content_subtype().endswith("json")
        return Answer(response.status, json.loads(text) if is_json and text else {}, text, response.headers)
    except (OSError, HTTPException, ValueError) as error:
        raise StoreUnavailable(f"The server on port {port} does not answer {method} {path}: {error}") from error
    finally:
        connection.close()
