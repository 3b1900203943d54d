"""A bare ASGI application behind Admit, which needs no framework: the guard puts the principal into the scope.

Start it with `uvicorn examples.asgi_guarded:app`; it shares its store with whatever signs people in.
"""

from __future__ import annotations

import os

from admit import Authority, Requirement
from admit.guards.asgi import PRINCIPAL, Guard, Receive, Scope, Send

auth = Authority(
    os.environ.get("STORE", "sqlite:///links.db"),
    issuer=os.environ.get("ISSUER", "http://127.0.0.1:8000/auth"),
    scopes={"user": "links:read links:write"},
)


async def hello(scope: Scope, _: Receive, send: Send) -> None:
    """Greets whom the guard let in."""
    if scope["type"] == "http":
        body = f"hello {scope[PRINCIPAL].subject}".encode()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
        await send({"type": "http.response.body", "body": body})


app = Guard(hello, auth, Requirement.of("links:read"), sign_in="/auth/sign-in")
