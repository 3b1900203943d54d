"""A page of another site acts in its visitor's name, or signs them in as somebody else (CSR-01, CSR-03, CSR-04).

The sign-in counts too: who is signed in as the attacker without noticing gives him what he types.
"""

from __future__ import annotations

import pytest

from doors import CHANGING, COOKIE, ISSUER, door

REFUSED = [
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "cross-site", "Origin": ISSUER},
    {"Sec-Fetch-Site": "cross-site", "Authorization": "Bearer x"},
    {"Origin": "https://evil.test"},
    {"Origin": "null"},
    {"Origin": "http://auth.example.com"},
    {"Origin": "https://auth.example.com.evil.test"},
    {"Origin": "https://auth.example.com:8443"},
]
TAKEN = [{}, {"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"}, {"Origin": ISSUER}]


@pytest.mark.parametrize("headers", REFUSED, ids=str)
@pytest.mark.parametrize("method, path, body", CHANGING)
async def test_nothing_is_changed_from_elsewhere(method: str, path: str, body: object, headers: dict[str, str]) -> None:
    async with door() as here:
        browser = await here.signed_in()
        before = browser.cookies[COOKIE]
        answer = await browser.request(method, path, json=body, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "cross_origin")
        assert "set-cookie" not in answer.headers
        assert browser.cookies[COOKIE] == before
        assert (await browser.get("/api/me")).status_code == 200


@pytest.mark.parametrize("headers", TAKEN, ids=str)
async def test_our_own_pages_and_programs_may(headers: dict[str, str]) -> None:
    async with door() as here:
        browser = await here.signed_in()
        assert (await browser.post("/api/sign-out-others", headers=headers)).status_code == 204
