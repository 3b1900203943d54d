"""An application on its way from sessions to tokens, or back, without signing anybody out.

Start it with `ACCEPT=session,api_key uvicorn examples.sessions_to_tokens:app`, then again with other credentials in ACCEPT.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from typing import Any

from fastapi import Depends, FastAPI, Request, Response

from admit import Authority, Principal
from admit.errors import Conflict, NoCredential, Revoked
from admit.guards.fastapi import install, required
from admit.web import application


def links(auth: Authority, accept: Collection[str]) -> FastAPI:
    """The application, for those who come with one of the credentials ``accept``."""
    app = FastAPI()
    app.mount("/auth", application(auth))
    install(app, auth, sign_in="/auth/sign-in")
    reader: Any = Depends(required(auth, "links:read", accept=accept))
    browser: Any = Depends(required(auth, accept="session"))

    @app.get("/links")
    async def read(who: Principal = reader) -> dict[str, str]:
        return {"links of": who.subject, "by": who.credential}

    @app.post("/tokens")
    async def tokens_for_cookie(response: Response, who: Principal = browser) -> dict[str, str]:
        session = await auth.sessions.get(who.session or "")
        if session is None:
            raise Revoked("it ended a moment ago")
        try:
            pair = await auth.tokens.issue(session)
        except Conflict:  # another tab was faster, or its answer was lost
            return {"access_token": await auth.tokens.access(session)}
        response.headers["Set-Cookie"] = auth.refresh_cookies.line(pair.refresh_token, pair.ends_in)
        return {"access_token": pair.access_token}

    @app.post("/cookie", status_code=204)
    async def cookie_for_tokens(request: Request, response: Response) -> None:
        text = auth.refresh_cookies.read(value for name, value in request.headers.raw if name == b"cookie")
        if text is None:
            raise NoCredential("no refresh token")
        pair, cookie = await auth.tokens.exchange(text)
        for line in (cookie, auth.refresh_cookies.line(pair.refresh_token, pair.ends_in)):
            response.headers.append("Set-Cookie", line)

    return app


authority = Authority(
    os.environ.get("STORE", "sqlite:///links.db"),
    issuer=os.environ.get("ISSUER", "http://127.0.0.1:8000/auth"),
    scopes={"user": "links:read links:write"},
)
app = links(authority, os.environ.get("ACCEPT", "session,token,api_key").split(","))
