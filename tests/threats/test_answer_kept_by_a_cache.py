"""An answer with tokens, a cookie or somebody's data is kept by a cache and given to somebody else (TOK-02).

Everything says no-store, refusals included; only the public keys, which are everybody's, may be kept. And what is
issued lives no longer than is configured.
"""

from __future__ import annotations

import jwt as pyjwt

from admit.tokens import TokenPolicy
from doors import ROUTES, authority, bearer, door


async def test_nothing_but_what_is_published_may_be_kept() -> None:
    async with door() as here:
        for browser in (here.browser(), await here.signed_in()):
            answers = [await browser.request(method, path, json=body) for method, path, body, _ in ROUTES]
            answers += [await browser.get("/nothing"), await browser.put("/api/me")]
            kept = [answer.url.path for answer in answers if answer.headers["cache-control"] != "no-store"]
            assert kept == ["/.well-known/jwks.json", "/.well-known/oauth-authorization-server"]


async def test_a_token_lives_as_long_as_is_configured() -> None:
    async with door(authority(tokens=TokenPolicy(access=60))) as here:
        tokens = await here.tokens()
        claims = pyjwt.decode(tokens["access_token"], options={"verify_signature": False})
        assert (tokens["expires_in"], claims["exp"] - claims["iat"]) == (60, 60)
        assert (await here.browser().get("/api/me", headers=bearer(tokens))).status_code == 200
