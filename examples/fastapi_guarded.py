"""A FastAPI application behind Admit: one route for whoever is signed in, one by scope, one by a fresh sign-in, a socket.

Start it with `uvicorn examples.fastapi_guarded:app`, then sign up and in under /auth.
"""

from __future__ import annotations

import asyncio
import os
from typing import Annotated

from fastapi import Depends, FastAPI, WebSocket

from admit import Authority, Principal
from admit.guards.fastapi import install, required
from admit.web import application

auth = Authority(
    os.environ.get("STORE", "sqlite:///links.db"),
    issuer=os.environ.get("ISSUER", "http://127.0.0.1:8000/auth"),
    scopes={"user": "links:read links:write"},
)
app = FastAPI()
app.mount("/auth", application(auth))
install(app, auth, sign_in="/auth/sign-in", confirm="/auth/confirm")

SignedIn = Annotated[Principal, Depends(required(auth))]
Writer = Annotated[Principal, Depends(required(auth, "links:write"))]
Fresh = Annotated[Principal, Depends(required(auth, within=300, accept="session"))]


@app.get("/links")
async def links(who: SignedIn) -> dict[str, str]:
    """Whoever is signed in, by cookie or token."""
    return {"links of": who.subject}


@app.post("/links")
async def add(who: Writer) -> dict[str, str]:
    """Who holds the scope."""
    return {"added by": who.subject}


@app.delete("/links")
async def remove_all(who: Fresh) -> dict[str, str]:
    """Who signed in within five minutes, in a browser."""
    return {"removed by": who.subject}


@app.websocket("/news")
async def news(socket: WebSocket, who: SignedIn) -> None:
    """Open until the visitor leaves, or is not signed in any more."""
    await socket.accept()
    await socket.send_text(f"hello {who.subject}")
    left, over = asyncio.create_task(socket.receive()), asyncio.create_task(who.over())
    await asyncio.wait([left, over], return_when=asyncio.FIRST_COMPLETED)
    if over.done():
        await socket.close(1008)
    left.cancel()
    over.cancel()
