"""A page of another site posts JSON as a form or as text/plain, which browsers send without asking first (CSR-06)."""

from __future__ import annotations

import json

import pytest

from doors import CHANGING, door

KINDS = ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/jsonp",
         "text/json", "application/problem+json", ""]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("method, path, body", CHANGING)
async def test_only_json_is_json(method: str, path: str, body: object, kind: str) -> None:
    async with door() as here:
        browser = await here.signed_in()
        sent = json.dumps(body or {}).encode()
        answer = await browser.request(method, path, content=sent, headers={"Content-Type": kind})
        assert (answer.status_code, answer.json()["code"]) == (415, "not_json")
        assert (await browser.get("/api/me")).status_code == 200


async def test_two_content_types_are_none() -> None:
    async with door() as here:
        headers = [("Content-Type", "text/plain"), ("Content-Type", "application/json")]
        answer = await here.browser().post("/api/sign-in", content=b"{}", headers=headers)
        assert answer.status_code == 415
