"""A real authority on a loopback port, for what asks it over HTTP; it can fall silent."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import uvicorn

from admit import Authority, Verifier
from admit.web import application
from doors import ANN, authority


@dataclass
class Nearby:
    """Where it is, who may follow its log, and how to make it stop."""

    auth: Authority
    issuer: str
    key: str
    server: uvicorn.Server
    serving: threading.Thread

    def verifier(self, **settings: Any) -> Verifier:
        """A verifier of what is issued here."""
        return Verifier(self.issuer, audience=self.issuer, key=self.key, **settings)

    def token(self) -> str:
        """An access token of a new session of Ann."""
        answer = httpx.post(f"{self.issuer}/api/tokens", json=ANN)
        assert answer.status_code == 200, answer.text
        token: str = answer.json()["access_token"]
        return token

    def sign_out(self, token: str) -> None:
        """End the session of ``token``."""
        answer = httpx.post(f"{self.issuer}/api/sign-out", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 204, answer.text

    def cookie(self) -> dict[str, str]:
        """The Cookie header of a browser in which Ann has just signed in."""
        answer = httpx.post(f"{self.issuer}/api/sign-in", json=ANN)
        assert answer.status_code == 200, answer.text
        return {"Cookie": "; ".join(f"{name}={value}" for name, value in answer.cookies.items())}

    def leave(self, cookie: dict[str, str]) -> None:
        """Sign out in the browser that has ``cookie``."""
        assert httpx.post(f"{self.issuer}/api/sign-out", headers=cookie).status_code == 204

    def fall_silent(self) -> None:
        """Answer nobody any more."""
        self.server.should_exit = True
        self.serving.join()


@contextmanager
def nearby(**settings: Any) -> Iterator[Nearby]:
    """An authority in memory where Ann has an account, until the end."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        issuer = f"http://127.0.0.1:{listening.getsockname()[1]}"
        auth = authority(issuer=issuer, **settings)
        key = auth.sync.verifiers.create("links", issuer)
        config = uvicorn.Config(application(auth), ws="none", log_config=None, timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        serving = threading.Thread(target=lambda: asyncio.run(server.serve([listening])))
        serving.start()
        here = Nearby(auth, issuer, key, server, serving)
        try:
            assert httpx.post(f"{issuer}/api/sign-up", json=ANN).status_code == 201
            yield here
        finally:
            here.fall_silent()
            auth.sync.close()


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Return once ``holds`` says so."""
    async with asyncio.timeout(60):
        while not await holds():  # noqa: ASYNC110 - what is waited for is an answer, which rings no bell
            await asyncio.sleep(0.005)
