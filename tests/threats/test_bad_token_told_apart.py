"""The answer tells a forged token from an expired or a revoked one, and so tells which key or session exists (JWT-11)."""

from __future__ import annotations

import httpx
import jwt as pyjwt

from admit.testing.clock import FakeClock
from doors import ISSUER, authority, bearer, door


async def test_all_refused_tokens_are_answered_alike() -> None:
    clock = FakeClock()
    async with door(authority(clock=clock)) as here:
        revoked, expired, good = await here.tokens(), await here.tokens(), await here.tokens()
        await here.browser().post("/api/sign-out", headers=bearer(revoked))
        head, body, signature = good["access_token"].split(".")
        forged = f"{head}.{body}.{signature[:-10]}{'A' * 10}"
        stranger = pyjwt.encode({"iss": ISSUER, "exp": 9e9}, "k" * 32, algorithm="HS256", headers={"kid": "unknown"})
        answers = [
            await _me(here.browser(), token) for token in (revoked["access_token"], forged, stranger, "x", "a.b.c")
        ]
        clock.advance(700)
        answers.append(await _me(here.browser(), expired["access_token"]))
    assert len({(answer.status_code, answer.text, tuple(answer.headers.items())) for answer in answers}) == 1
    assert answers[0].headers["www-authenticate"] == 'Bearer error="invalid_token"'


async def _me(browser: httpx.AsyncClient, token: str) -> httpx.Response:
    return await browser.get("/api/me", headers={"Authorization": f"Bearer {token}"})
