"""Whoever asks for an API key names its owner, its rights or its id himself, and gets somebody else's (KEY-02, OPS-05).

The owner is whoever signed in, never a field of a body (CVE-2025-61928); no body has a field but those it may; a key
of somebody else is none.
"""

from __future__ import annotations

import httpx
import pytest

from doors import ANN, BOB, Door, bearer, door

PRIVILEGED = {
    "owner": "x", "userId": "x", "user_id": "x", "subject": "x", "gen": 1, "roles": ["admin"], "id": "0" * 22,
    "digest": "AAAA", "created_at": 0, "expires_at": 4_000_000_000, "used_at": 0, "key": "adm_k_x", "suspended": False,
}  # fmt: skip


async def key_of(browser: httpx.AsyncClient, **asked: object) -> dict[str, str]:
    answer = await browser.post("/api/keys", json={"name": "backup", **asked})
    assert answer.status_code == 201, answer.text
    made: dict[str, str] = answer.json()
    return made


@pytest.mark.parametrize("field", PRIVILEGED)
async def test_no_body_names_what_is_not_the_callers_to_say(here: Door, field: str) -> None:
    browser = await here.signed_in()
    answer = await browser.post("/api/keys", json={"name": "backup", field: PRIVILEGED[field]})
    assert (answer.status_code, answer.json()["fields"][0]["field"]) == (422, field)
    assert (await browser.get("/api/keys")).json() == {"keys": []}


async def test_nobody_makes_a_key_who_did_not_sign_in() -> None:
    async with door(None, ANN, BOB) as here:
        bob = (await (await here.signed_in(BOB)).get("/api/me")).json()["subject"]
        for body in ({"name": "x"}, {"name": "x", "userId": bob}, {"name": "x", "owner": bob}):
            answer = await here.browser().post("/api/keys", json=body)
            assert (answer.status_code, answer.json()["code"]) == (401, "no_credential")
        assert await here.auth.api_keys.of(bob) == []


async def test_a_key_of_somebody_else_is_neither_seen_nor_changed_nor_ended() -> None:
    async with door(None, ANN, BOB) as here:
        ann, bob = await here.signed_in(ANN), await here.signed_in(BOB)
        key = await key_of(ann)
        narrow, key_holder = bearer(await here.tokens(BOB, scope="")), {"X-API-Key": (await key_of(bob))["key"]}
        others = [(bob, 404), (here.browser(), 401), (here.browser(**narrow), 403), (here.browser(**key_holder), 401)]
        for other, status in others:
            answers = [
                await other.delete(f"/api/keys/{key['id']}"),
                await other.post(f"/api/keys/{key['id']}/rotate", json={}),
                await other.post(f"/api/keys/{key['id']}/confirm"),
            ]
            assert [answer.status_code for answer in answers] == [status] * 3
        assert key["id"] not in (await bob.get("/api/keys")).text
        assert (await here.browser(**{"X-API-Key": key["key"]}).get("/api/me")).status_code == 200
        assert [one["id"] for one in (await ann.get("/api/keys")).json()["keys"]] == [key["id"]]


async def test_a_key_allows_no_more_than_its_owner_may(here: Door) -> None:
    browser = await here.signed_in()
    for scope in ("users:write", "links:read users:write", "*"):
        answer = await browser.post("/api/keys", json={"name": "x", "scope": scope})
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_scope")
