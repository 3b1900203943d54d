"""What every answer says while the server stops: that this connection ends, and that no more should come."""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from admit.errors import Stale
from admit.web.answer import answer


class Drain:
    """``app``; once it is ``on``, each answer closes its connection.

    The path ``ready`` answers 503 then, unless this process is ``replaced`` by another on the same socket.
    """

    def __init__(self, app: ASGIApp, *, ready: str) -> None:
        self._app = app
        self._ready = ready
        self.on = self.replaced = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if not self.on or scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def last(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["Connection"] = "close"
            await send(message)

        if scope["path"] == self._ready and not self.replaced:
            await answer(scope, Stale("this process is stopping"))(scope, receive, last)
        else:
            await self._app(scope, receive, last)
