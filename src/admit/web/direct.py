"""Endpoints: paths that a plain ASGI application answers, before the router looks, for they are asked again and again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send


@dataclass(frozen=True)
class Endpoint:
    """What a route is elsewhere: ``app`` answers a GET of the path ``path_format``, as ``operation`` of OpenAPI says.

    Where it is not ``noted``, the access log has lines only of what was refused.
    """

    path_format: str
    app: ASGIApp
    operation: Mapping[str, Any]
    noted: bool = True


class Direct:
    """Hands a request to the one of ``endpoints`` that it is for, and all others to ``app``.

    To find a route among others, and what it asks for, takes FastAPI longer than some answers do. It stands behind
    whatever else is before the router, so that no limit and no header is another one here.
    """

    def __init__(self, app: ASGIApp, *, endpoints: Iterable[Endpoint]) -> None:
        self._app = app
        self._endpoints = {endpoint.path_format: endpoint for endpoint in endpoints}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        path = scope["path"].removeprefix(scope.get("root_path", "")) if scope["type"] == "http" else ""
        endpoint = self._endpoints.get(path)
        if endpoint is None:
            await self._app(scope, receive, send)
            return
        scope["route"] = endpoint  # by which figures and spans call it
        if scope["method"] != "GET":
            raise HTTPException(HTTPStatus.METHOD_NOT_ALLOWED, headers={"Allow": "GET"})
        await endpoint.app(scope, receive, send)
