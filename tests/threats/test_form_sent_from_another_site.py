"""The forms of our pages are sent by a page of another site, by a link, or as something else (CSR-01, CSR-05 to 07)."""

from __future__ import annotations

import json
from urllib.parse import urlencode

import pytest

from doors import ANN, COOKIE, ISSUER
from web.pages.people import SENT, People, people

ELSEWHERE = [
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "", "Origin": "https://evil.test"},
    {"Sec-Fetch-Site": "", "Origin": "null"},
    {"Sec-Fetch-Site": "", "Origin": ISSUER.replace("https", "http")},
]


async def unchanged(here: People) -> bool:
    """Whether Ann has her two sessions and her password, and nobody came."""
    account = await here.door.auth.accounts.by_email(ANN["email"])
    assert account is not None
    sessions = await here.door.auth.sessions.of(account.id)
    await here.door.auth.accounts.sign_in(**ANN)
    return len(sessions) == 2 and await here.door.auth.accounts.by_email(SENT["/sign-up"]["email"]) is None


@pytest.mark.parametrize("headers", ELSEWHERE, ids=str)
@pytest.mark.parametrize("path", SENT)
async def test_no_form_is_taken_from_elsewhere(path: str, headers: dict[str, str]) -> None:
    async with people() as here:
        browser, _ = await here.signed_in(), await here.signed_in()
        before = browser.cookies[COOKIE]
        answer = await browser.post(path, data=SENT[path], headers=headers)
        assert answer.status_code == 403
        assert "set-cookie" not in answer.headers
        assert browser.cookies[COOKIE] == before
        assert await unchanged(here)


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
@pytest.mark.parametrize("path", SENT)
async def test_reading_does_nothing_whatever_it_claims_to_be(path: str, method: str) -> None:
    async with people() as here:
        browser, _ = await here.signed_in(), await here.signed_in()
        headers = {"X-HTTP-Method-Override": "POST", "Sec-Purpose": "prefetch"}
        answer = await browser.request(method, path, params={**SENT[path], "_method": "POST"}, headers=headers)
        assert answer.status_code in (200, 303, 405)
        assert "set-cookie" not in answer.headers
        assert await unchanged(here)


@pytest.mark.parametrize("kind", ["text/plain", "multipart/form-data; boundary=x", "application/json", ""])
@pytest.mark.parametrize("path", [path for path, fields in SENT.items() if fields])
async def test_a_form_comes_as_a_form(path: str, kind: str) -> None:
    async with people() as here:
        browser, _ = await here.signed_in(), await here.signed_in()
        body = json.dumps(SENT[path]) if kind == "application/json" else urlencode(SENT[path])
        answer = await browser.post(path, content=body, headers={"Content-Type": kind})
        assert answer.status_code == 415
        assert await unchanged(here)
