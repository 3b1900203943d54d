"""A page of another site changes something in a program behind a gateway, with the cookie of whoever looks at it (CSR-01, FWD-08).

The program takes the gateway's word for who asks, and has no defence of its own. The question of the gateway is a GET
of ours: what counts is the method of what it asks about, and where the page came from that sent it.
"""

from __future__ import annotations

import pytest

from admit.core.policy import Gateway, Rule
from gateways import GATEWAYS, HOST, Front, by, front
from worlds import ORIGIN

each = pytest.mark.parametrize("gateway", GATEWAYS)
ELSEWHERE: list[dict[str, str]] = [
    {"Origin": "https://evil.test"},
    {"Origin": "null"},
    {"Origin": "https://evil.test", "Sec-Fetch-Site": "cross-site"},
    {"Origin": "https://blog.example.com", "Sec-Fetch-Site": "same-site"},
    {"Origin": "https://app.example.com.evil.test"},
    {"Origin": "http://app.example.com"},
]
OWN: list[dict[str, str]] = [{"Origin": ORIGIN}, {"Origin": ORIGIN, "Sec-Fetch-Site": "same-origin"}, {}]


async def bob(here: Front) -> dict[str, str]:
    return by(await here.world.sign_in("bob"))


@each
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "X-THING"])
async def test_what_changes_something_is_taken_from_pages_of_the_same_origin(gateway: Gateway, method: str) -> None:
    async with front(gateway) as here:
        cookie = await bob(here)
        for seen_before in range(2):
            for headers in ELSEWHERE:
                answer = await here.asks("/x", method, **cookie, **headers)
                assert (answer.status_code, answer.json()["code"]) == (403, "cross_origin"), (headers, seen_before)
            for headers in OWN:
                assert (await here.asks("/x", method, **cookie, **headers)).status_code == 200
        assert (await here.asks("/x", "GET", **cookie, **ELSEWHERE[2])).status_code == 200


@each
async def test_another_sites_page_opens_no_socket_with_the_cookie(gateway: Gateway) -> None:
    async with front(gateway) as here:
        cookie = await bob(here)
        opening = {"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version": "13"}
        for headers in ELSEWHERE:
            assert (await here.asks("/x", **cookie, **opening, **headers)).status_code == 403
        assert (await here.asks("/x", **cookie, **opening, **OWN[0])).status_code == 200


@each
async def test_where_anyone_may_come_the_cookie_of_another_sites_visitor_is_nobody(gateway: Gateway) -> None:
    async with front(gateway, rules=(Rule.of(1, HOST, "/*", allow="anyone"),)) as here:
        cookie = await bob(here)
        assert (await here.asks("/x", "POST", **cookie, **OWN[0])).headers["x-admit-subject"] == "bob"
        assert (await here.asks("/x", "POST", **cookie, **ELSEWHERE[0])).headers["x-admit-subject"] == ""
