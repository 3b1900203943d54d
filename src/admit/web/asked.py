"""What a framework's request is to the core, and nothing else."""

from __future__ import annotations

from starlette.types import Scope

from admit.core.request import Request


def asked(scope: Scope, origin: str) -> Request:
    """The request of an ASGI ``scope`` to an application whose own origin is ``origin``.

    The URL begins with the configured origin: the Host header is the sender's word.
    """
    path: bytes = scope.get("raw_path") or scope["path"].encode()
    query: bytes = scope.get("query_string", b"")
    url = origin + (path + b"?" + query if query else path).decode("latin-1")
    client = scope.get("client")
    return Request(scope["method"], url, tuple(scope["headers"]), client[0] if client else None)
