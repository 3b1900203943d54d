"""What every answer says while the server stops: that this connection ends, and that no more should come."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import FastAPI
from starlette.datastructures import MutableHeaders
from starlette.types import Message, Receive, Scope, Send


class Drain:
    """``app``; once it is ``on``, each answer closes its connection.

    It is not ready any more then, unless this process is ``replaced`` by another on the same socket.
    """

    def __init__(self, app: FastAPI) -> None:
        self._app = app
        self.on = self.replaced = False
        app.state.stopping = lambda: self.on and not self.replaced

    def at_once(self, scope: Scope) -> bytes | None:
        """The header lines of a yes that takes no waiting; None while the connection has to end with its answer."""
        at_once: Callable[[Scope], bytes | None] | None = self._app.state.at_once
        return None if self.on or at_once is None else at_once(scope)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if not self.on or scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def last(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["Connection"] = "close"
            await send(message)

        await self._app(scope, receive, last)
