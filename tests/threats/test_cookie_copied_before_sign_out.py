"""A copy of the cookie works on after its owner signed out (SES-03).

Signing out that only clears the browser's cookie leaves the copy of a thief, a proxy or a backup alive.
"""

from __future__ import annotations

import pytest

from doors import COOKIE, GUARDED, bearer, door


@pytest.mark.parametrize("method, path, body", GUARDED)
async def test_the_copy_is_refused_everywhere(method: str, path: str, body: object) -> None:
    async with door() as here:
        browser = await here.signed_in()
        copy = {"Cookie": f"{COOKIE}={browser.cookies[COOKIE]}"}
        assert (await here.browser().get("/api/me", headers=copy)).status_code == 200
        assert (await browser.post("/api/sign-out")).status_code == 204
        assert COOKIE not in browser.cookies
        answer = await here.browser().request(method, path, json=body, headers=copy)
        assert (answer.status_code, answer.json()["code"]) == (401, "bad_credential")


async def test_signing_out_with_a_token_ends_its_refresh_token_too() -> None:
    async with door() as here:
        tokens = await here.tokens()
        assert (await here.browser().post("/api/sign-out", headers=bearer(tokens))).status_code == 204
        assert (await here.browser().get("/api/me", headers=bearer(tokens))).status_code == 401
        spent = {"refresh_token": tokens["refresh_token"]}
        assert (await here.browser().post("/api/refresh", json=spent)).status_code == 401
