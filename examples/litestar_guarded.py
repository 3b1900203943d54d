"""A Litestar application behind Admit: one route for whoever is signed in, one by scope, one by a fresh sign-in, a socket.

Start it with `uvicorn examples.litestar_guarded:app`, then sign up and in under /auth.
"""

from __future__ import annotations

import asyncio
import os
from typing import Any

from litestar import Litestar, Request, WebSocket, delete, get, post, websocket

from admit import Authority, Principal
from admit.guards.litestar import AdmitPlugin, mounted, required
from admit.web import application

auth = Authority(
    os.environ.get("STORE", "sqlite:///links.db"),
    issuer=os.environ.get("ISSUER", "http://127.0.0.1:8000/auth"),
    scopes={"user": "links:read links:write"},
)
Signed = Request[Principal, None, Any]


@get("/links", guards=[required(auth)])
async def links(request: Signed) -> dict[str, str]:
    """Whoever is signed in, by cookie or token."""
    return {"links of": request.user.subject}


@post("/links", guards=[required(auth, "links:write")])
async def add(request: Signed) -> dict[str, str]:
    """Who holds the scope."""
    return {"added by": request.user.subject}


@delete("/links", status_code=200, guards=[required(auth, within=300, accept="session")])
async def remove_all(request: Signed) -> dict[str, str]:
    """Who signed in within five minutes, in a browser."""
    return {"removed by": request.user.subject}


@websocket("/news", guards=[required(auth)])
async def news(socket: WebSocket[Principal, None, Any]) -> None:
    """Open until the visitor leaves, or is not signed in any more."""
    await socket.accept()
    await socket.send_text(f"hello {socket.user.subject}")
    left, over = asyncio.create_task(socket.receive_text()), asyncio.create_task(socket.user.over())
    await asyncio.wait([left, over], return_when=asyncio.FIRST_COMPLETED)
    if over.done():
        await socket.close(1008)
    left.cancel()
    over.cancel()


app = Litestar(
    [mounted("/auth", application(auth)), links, add, remove_all, news],
    plugins=[AdmitPlugin(auth, sign_in="/auth/sign-in", confirm="/auth/confirm")],
)
