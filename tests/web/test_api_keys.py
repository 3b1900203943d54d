"""API keys over HTTP: made for oneself, shown once, used in either header, rotated and ended."""

from __future__ import annotations

from typing import Any

import pytest

from doors import ANN, BOB, Door, bearer, door, is_problem

NETWORK = ["127.0.0.0/8"]


async def made(browser: Any, **asked: object) -> dict[str, Any]:
    answer = await browser.post("/api/keys", json={"name": "backup", **asked})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_a_key_is_made_shown_once_used_and_ended(here: Door) -> None:
    browser = await here.signed_in()
    key = await made(browser, scope="links:read", expires_in=3_600)
    assert key["key"].startswith(f"adm_k_{key['id']}.")
    assert (key["name"], key["scope"], key["used_at"], key["suspended"]) == ("backup", "links:read", None, False)
    assert key["expires_at"] == key["created_at"] + 3_600
    for headers in ({"X-API-Key": key["key"]}, {"Authorization": f"Bearer {key['key']}"}):
        me = (await here.browser(**headers).get("/api/me")).json()
        assert (me["credential"], me["session"], me["scope"], me["roles"]) == ("api_key", None, "links:read", [])
    listed = (await browser.get("/api/keys")).json()["keys"]
    assert [one["id"] for one in listed] == [key["id"]]
    assert listed[0]["used_at"] is not None
    assert key["key"].partition(".")[2] not in str(listed)
    assert (await browser.delete(f"/api/keys/{key['id']}")).status_code == 204
    refused = await here.browser(**{"X-API-Key": key["key"]}).get("/api/me")
    assert (refused.status_code, refused.json()["code"]) == (401, "bad_credential")
    assert (await browser.get("/api/keys")).json() == {"keys": []}


async def test_a_key_is_rotated_at_once_or_with_an_overlap(here: Door) -> None:
    browser = await here.signed_in()
    old = await made(browser)
    beside = (await browser.post(f"/api/keys/{old['id']}/rotate", json={"overlap": 600})).json()
    instead = (await browser.post(f"/api/keys/{beside['id']}/rotate", json={})).json()
    works = [
        (await here.browser(**{"X-API-Key": one["key"]}).get("/api/me")).status_code for one in (old, beside, instead)
    ]
    assert works == [200, 401, 200]
    again = await browser.post(f"/api/keys/{old['id']}/confirm")
    assert (again.status_code, again.json()["suspended"]) == (200, False)


@pytest.mark.parametrize(
    "body, code, field",
    [
        ({"name": ""}, "bad_name", "name"),
        ({"scope": "users:write"}, "invalid_scope", "scope"),
        ({"expires_in": 1}, "bad_life", "expires_in"),
        ({"networks": ["nowhere"]}, "bad_network", "networks"),
        ({"owner": "bob"}, "bad_request", "owner"),
        ({"expires_in": "1"}, "bad_request", "expires_in.int"),
        ({"limit": {"hits": 0, "window": 60}}, "bad_request", "limit.hits"),
    ],
    ids=str,
)
async def test_what_no_key_may_be_is_refused_by_field(
    here: Door, body: dict[str, object], code: str, field: str
) -> None:
    answer = await (await here.signed_in()).post("/api/keys", json={"name": "backup", **body})
    assert is_problem(answer)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert field in [one["field"] for one in answer.json()["fields"]]


async def test_a_limit_is_told_in_the_headers_that_clients_know(here: Door) -> None:
    key = await made(await here.signed_in(), limit={"hits": 2, "window": 86_400})
    client = here.browser(**{"X-API-Key": key["key"]})
    answers = [await client.get("/api/me") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[-1].json()["code"] == "too_many"
    rest = answers[-1].headers["retry-after"]
    for answer, left in zip(answers, (1, 0, 0), strict=True):
        assert answer.headers["ratelimit-policy"] == '"api-key";q=2;w=86400'
        assert answer.headers["ratelimit"] == f'"api-key";r={left};t={rest}'
    assert 0 < int(rest) <= 86_400
    other = here.browser(**{"X-API-Key": (await made(await here.signed_in()))["key"]})
    assert "ratelimit" not in str((await other.get("/api/me")).headers).lower()


async def test_a_key_is_used_from_where_it_may_be(here: Door) -> None:
    browser = await here.signed_in()
    # The client of these tests has the address 127.0.0.1.
    near, far = await made(browser, networks=NETWORK), await made(browser, networks=["192.0.2.1"])
    assert (await here.browser(**{"X-API-Key": near["key"]}).get("/api/me")).status_code == 200
    refused = await here.browser(**{"X-API-Key": far["key"]}).get("/api/me")
    assert (refused.status_code, refused.json()["code"]) == (401, "bad_credential")
    forged = here.browser(**{"X-API-Key": far["key"], "X-Forwarded-For": "192.0.2.1"})
    assert (await forged.get("/api/me")).status_code == 401


async def test_who_holds_all_of_it_makes_keys_by_token_too(here: Door) -> None:
    client = here.browser(**bearer(await here.tokens()))
    key = await made(client)
    assert (await client.get("/api/keys")).json()["keys"][0]["id"] == key["id"]


async def test_a_key_of_somebody_else_is_none() -> None:
    async with door(None, ANN, BOB) as here:
        key = await made(await here.signed_in(ANN))
        bob = await here.signed_in(BOB)
        for id in (key["id"], "x", "0" * 22):
            for answer in (
                await bob.delete(f"/api/keys/{id}"),
                await bob.post(f"/api/keys/{id}/rotate", json={}),
                await bob.post(f"/api/keys/{id}/confirm"),
            ):
                assert (answer.status_code, answer.json()["code"]) == (404, "no_api_key")
        assert (await bob.get("/api/keys")).json() == {"keys": []}
        assert (await here.browser(**{"X-API-Key": key["key"]}).get("/api/me")).status_code == 200
