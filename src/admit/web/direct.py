"""Paths that are answered before the router looks: of nearly all that is asked for, a table says who answers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from admit.web.call import Call


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
    """Hands a request to the one of ``endpoints`` or ``calls`` that it is for, and all others to ``app``.

    To find a route among others, and what it asks for, takes FastAPI longer than most answers do. It stands behind
    whatever else is before the router, so that no limit and no header is another one here.
    """

    def __init__(self, app: ASGIApp, *, endpoints: Iterable[Endpoint], calls: Iterable[tuple[str, Call]] = ()) -> None:
        self._app = app
        self._endpoints = {one.path_format: one for one in endpoints}
        self._answers: defaultdict[str, dict[str, tuple[object, ASGIApp]]] = defaultdict(dict)
        for path, call in calls:
            self._answers[path] |= dict.fromkeys(call.route.methods or (), (call.route, call))
        for path, one in self._endpoints.items():
            self._answers[path] = {"GET": (one, one.app)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        path = scope["path"].removeprefix(scope.get("root_path", "")) if scope["type"] == "http" else ""
        answers = self._answers.get(path)
        found = None if answers is None else answers.get(scope["method"])
        if found is not None:
            scope["route"], app = found  # by which figures and spans call it
            await app(scope, receive, send)
        elif path in self._endpoints:
            scope["route"] = self._endpoints[path]
            raise HTTPException(HTTPStatus.METHOD_NOT_ALLOWED, headers={"Allow": "GET"})
        else:
            await self._app(scope, receive, send)
