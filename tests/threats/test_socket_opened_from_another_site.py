"""A page of another site opens a WebSocket to us in its visitor's browser, which sends the cookie along (CSR-01, CSR-03).

Browsers ask nobody before they open one, so whoever holds it reads and writes as the visitor.
"""

from __future__ import annotations

import pytest

from guards.applications import BEHIND_WSGI, WITH_SOCKETS, Made, by_cookie, by_token, client
from guards.sockets import opened
from worlds import ORIGIN, world

ELSEWHERE = ["https://evil.test", "https://blog.example.com", "null", "http://app.example.com", f"{ORIGIN}.evil.test"]


@pytest.mark.parametrize("made", WITH_SOCKETS)
@pytest.mark.parametrize("origin", ELSEWHERE)
async def test_the_cookie_opens_no_socket_for_another_site(made: Made, origin: str) -> None:
    async with world("memory") as here:
        started = await here.sign_in()
        app = made(here)
        cookie = by_cookie(started)
        for _ in range(2):
            assert (await opened(app, cookie | {"Origin": ORIGIN}))[0]["type"] == "websocket.accept"
            assert (await opened(app, cookie | {"Origin": origin}))[0].get("status") == 403
            [closed] = await opened(app, cookie | {"Origin": origin}, can_answer=False)
            assert closed["type"] == "websocket.close"
        token = by_token(await here.auth.tokens.access(started.session))
        # What a page cannot send by itself, its author has: a token is no matter of origins.
        assert (await opened(app, token | {"Origin": origin}))[0]["type"] == "websocket.accept"


@pytest.mark.parametrize("made", BEHIND_WSGI)
@pytest.mark.parametrize("upgrade", ["websocket", "WebSocket", "h2c, websocket"])
async def test_nor_where_a_socket_begins_as_a_request_like_any_other(made: Made, upgrade: str) -> None:
    async with world("memory") as here, client(made(here)) as http:
        cookie = by_cookie(await here.sign_in())
        opening = {"Upgrade": upgrade, "Connection": "Upgrade"}
        for _ in range(2):
            assert (await http.get("/links", headers=cookie | opening | {"Origin": ORIGIN})).status_code == 200
            for origin in ELSEWHERE:
                answer = await http.get("/links", headers=cookie | opening | {"Origin": origin})
                assert (answer.status_code, answer.json()["code"]) == (403, "cross_origin")
