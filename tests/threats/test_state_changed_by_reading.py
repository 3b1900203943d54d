"""A link, an image or a prefetch changes something, for browsers send cookies along with every GET (CSR-05, CSR-07)."""

from __future__ import annotations

import pytest

from doors import CHANGING, COOKIE, ROUTES, door

READ = {(method, path) for method, path, *_ in ROUTES if method == "GET"}


@pytest.mark.parametrize("method, path, body", CHANGING)
@pytest.mark.parametrize("reading", ["GET", "HEAD", "OPTIONS", "TRACE"])
async def test_no_reading_request_does_anything(method: str, path: str, body: object, reading: str) -> None:
    async with door() as here:
        browser, other = await here.signed_in(), await here.signed_in()
        before = browser.cookies[COOKIE]
        for headers in ({}, {"X-HTTP-Method-Override": method, "X-Method-Override": method}):
            answer = await browser.request(reading, path, params={"_method": method}, headers=headers)
            # What is read at the same path is read; nothing else is done.
            assert answer.status_code == (200 if (reading, path) in READ else 405)
            assert "set-cookie" not in answer.headers
        assert browser.cookies[COOKIE] == before
        assert (await other.get("/api/me")).status_code == 200
        assert len((await browser.get("/api/sessions")).json()["sessions"]) == 2
        assert (await browser.get("/api/keys")).json() == {"keys": []}
