"""What is noted of every request: its id, a line in the log, and the figures; never a query, a header or a body."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from admit import system
from admit.core.address import NOWHERE, TrustedProxies
from admit.core.secret import written
from admit.guards.asgi import asked
from admit.server import metrics
from admit.server.log import REQUEST
from admit.web.limits import ASKED

Count = Callable[[Scope, int, float], None]
"""Counts an answer: its scope, its status, and the seconds it took."""

AtOnce = Callable[[Scope], bytes | None]
"""The header lines of an answer 200 that takes no waiting; None where there is no such answer."""

_REFUSED = 400

_log = logging.getLogger("admit.access")


class Seen:
    """``app``, whose every answer has an ``X-Request-Id``, is logged under it, and counted with ``count``.

    Whom the log names as the client is decided by ``proxies``, as it is for limits.
    """

    def __init__(
        self, app: ASGIApp, *, proxies: TrustedProxies, count: Count | None, at_once: AtOnce | None = None
    ) -> None:
        self._app = app
        self._at_once = at_once
        self._proxies = proxies
        self._count = count

    def at_once(self, scope: Scope) -> bytes | None:
        """The header lines of an answer 200 without a body that takes no waiting, where ``app`` has one; counted."""
        began = time.perf_counter()
        lines = None if self._at_once is None else self._at_once(scope)
        if lines is None:
            return None
        if self._count is not None:
            self._count(scope, 200, time.perf_counter() - began)
        return b"%sx-request-id: %s\r\n" % (lines, written(system.chance(9)).encode())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.perf_counter(), 500
        # Ours, never the sender's: what a log is searched for should not be his choice.
        request = written(system.chance(9))
        REQUEST.set(request)

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", request.encode())]
            await send(message)

        try:
            await self._app(scope, receive, noted)
        finally:
            seconds = time.perf_counter() - began
            if status >= _REFUSED or getattr(scope.get("route"), "noted", True):
                self._tell(scope, status, seconds, request)
            if self._count is not None:
                self._count(scope, status, seconds)

    def _tell(self, scope: Scope, status: int, seconds: float, request: str) -> None:
        route = metrics.route_of(scope)
        facts = {
            "method": scope["method"],
            # The template, where there is one: a path may hold what its sender alone should know.
            "route": route if route != "none" else ascii(scope["path"][:100]),
            "status": status,
            "ms": round(seconds * 1e3, 1),
            "client": str(self._proxies.client(scope.get(ASKED) or asked(scope, "")) or NOWHERE),
            "request": request,
        }
        _log.info("%s %s %d %.1f ms %s %s", *facts.values(), extra={"facts": facts})
