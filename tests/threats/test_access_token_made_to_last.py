"""Somebody gets hold of an access token, and asks with it for a cookie or a refresh token, to stay when it has expired.

Where a service gives tokens for cookies and cookies for tokens, only what lasts as long as its session is taken for what
does: the one for the session cookie, the other for the refresh token (TOK-02).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from admit.errors import BadCredential
from examples.test_guarded import loaded
from guards.applications import by_token, client
from worlds import World, world


@pytest.fixture
async def stolen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[World, httpx.AsyncClient, str]]:
    """The application that goes from sessions to tokens, and an access token that is good there."""
    with loaded("sessions_to_tokens", monkeypatch, tmp_path) as example:
        async with world("memory") as here:
            app = example.links(here.auth, ("session", "token", "api_key"))
            await here.auth.subjects.change("ann", lambda held: held.with_roles(["user"]))
            token = (await here.auth.tokens.issue((await here.sign_in()).session)).access_token
            async with client(app) as http:
                assert (await http.get("/links", headers=by_token(token))).status_code == 200
                yield here, http, token


async def test_no_route_gives_anything_that_lasts_for_it(stolen: tuple[World, httpx.AsyncClient, str]) -> None:
    here, http, token = stolen
    for headers in (by_token(token), {"Cookie": f"__Host-admit-refresh={token}; __Host-admit={token}"}):
        for path in ("/tokens", "/cookie", "/auth/api/refresh"):
            answer = await http.post(path, headers=headers, json={})
            assert answer.status_code == 401, path
            assert "set-cookie" not in answer.headers
    here.clock.advance(700)
    assert (await http.get("/links", headers=by_token(token))).status_code == 401


async def test_the_authority_gives_no_cookie_for_it(stolen: tuple[World, httpx.AsyncClient, str]) -> None:
    here, _, token = stolen
    with pytest.raises(BadCredential):
        await here.auth.tokens.exchange(token)
