"""The HTTP application as a browser or a client meets it: a cookie jar, bearer tokens, one request after another."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from starlette.types import ASGIApp

from admit.authority import Authority
from admit.unsafe import CHEAPEST_HASH
from admit.web import Brand, application
from admit.web.pages.brand import PLAIN

ISSUER = "https://auth.example.com"
COOKIE = "__Host-admit"
ANN = {"email": "ann@example.com", "password": "a password of some length"}
BOB = {"email": "bob@example.com", "password": "quite another, as long"}
NEW_PASSWORD = "another one, not shorter"
PROBLEM = "application/problem+json"

# Every route, with a body where it takes one: (method, path, body, must one be signed in).
ROUTES: list[tuple[str, str, dict[str, Any] | None, bool]] = [
    ("POST", "/api/sign-up", ANN, False),
    ("POST", "/api/sign-in", ANN, False),
    ("POST", "/api/tokens", ANN, False),
    ("POST", "/api/refresh", {"refresh_token": "adm_r_x"}, False),
    ("GET", "/api/me", None, True),
    ("GET", "/api/sessions", None, True),
    ("GET", "/api/activity", None, True),
    ("DELETE", "/api/sessions/qP7-9dYxaZaTO9pr3Ny096", None, True),
    ("POST", "/api/sign-out-others", None, True),
    ("POST", "/api/password", {"current_password": ANN["password"], "new_password": NEW_PASSWORD}, True),
    ("POST", "/api/sign-out", None, True),
    ("GET", "/api/keys", None, True),
    ("POST", "/api/keys", {"name": "backup"}, True),
    ("POST", "/api/keys/qP7-9dYxaZaTO9pr3Ny096/rotate", {}, True),
    ("POST", "/api/keys/qP7-9dYxaZaTO9pr3Ny096/confirm", None, True),
    ("DELETE", "/api/keys/qP7-9dYxaZaTO9pr3Ny096", None, True),
    ("GET", "/.well-known/jwks.json", None, False),
    ("GET", "/.well-known/oauth-authorization-server", None, False),
    ("GET", "/healthz", None, False),
    ("GET", "/readyz", None, False),
]
GUARDED = [(method, path, body) for method, path, body, signed_in in ROUTES if signed_in]
CHANGING = [(method, path, body) for method, path, body, _ in ROUTES if method != "GET"]


def authority(**settings: Any) -> Authority:
    """An authority in memory that hashes cheaply."""
    given: dict[str, Any] = {
        "store": "memory://",
        "issuer": ISSUER,
        "scopes": {"user": "links:read links:write"},
        "hashing": CHEAPEST_HASH,
        **settings,
    }
    return Authority(**given)


class Door:
    """An application, and any number of browsers and clients in front of it."""

    def __init__(self, auth: Authority, app: ASGIApp, base: str) -> None:
        self.auth = auth
        self._app = app
        self._base = base

    def browser(self, **headers: str) -> httpx.AsyncClient:
        """A client with a cookie jar of its own."""
        return httpx.AsyncClient(transport=httpx.ASGITransport(self._app), base_url=self._base, headers=headers)

    async def signed_in(self, who: dict[str, str] = ANN) -> httpx.AsyncClient:
        """A browser in which ``who`` is signed in."""
        browser = self.browser()
        assert (await browser.post("/api/sign-in", json=who)).status_code == 200
        return browser

    async def tokens(self, who: dict[str, str] = ANN, **more: str) -> dict[str, Any]:
        """Tokens of ``who``."""
        answer = await self.browser().post("/api/tokens", json=who | more)
        assert answer.status_code == 200, answer.text
        tokens: dict[str, Any] = answer.json()
        return tokens


@asynccontextmanager
async def door(auth: Authority | None = None, *people: dict[str, str], brand: Brand = PLAIN) -> AsyncIterator[Door]:
    """The application of ``auth``, with ``people`` (Ann, if nobody is named) signed up."""
    auth = auth or authority()
    here = Door(auth, application(auth, brand=brand), auth.issuer)
    for who in people or (ANN,):
        assert (await here.browser().post("/api/sign-up", json=who)).status_code == 201
    yield here
    await auth.close()


def bearer(tokens: dict[str, Any]) -> dict[str, str]:
    """The header that presents an access token."""
    return {"Authorization": f"Bearer {tokens['access_token']}"}


def is_problem(answer: httpx.Response) -> bool:
    """Whether ``answer`` is one of our problem bodies."""
    keys = {"type", "title", "status", "code", "detail", "fields"}
    return (
        answer.headers["content-type"] == PROBLEM
        and answer.json().keys() == keys
        and answer.json()["status"] == answer.status_code
    )


async def service(here: Door, audience: str = ISSUER) -> httpx.AsyncClient:
    """A service with a verifier key."""
    return here.browser(Authorization=f"Bearer {await here.auth.verifiers.create('links', audience)}")


async def asked(here: Door, token: str, audience: str = ISSUER) -> httpx.Response:
    """What is said about a token to a service."""
    return await (await service(here, audience)).post("/introspect", data={"token": token})
