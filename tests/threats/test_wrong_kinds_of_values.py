"""A list, a number, an object or true where text belongs is taken for text, or falls through a check (OPS-04).

`{"password": ["x"]}` and `{"email": {"$ne": 1}}` have opened real doors; a field that nobody asked for has made
administrators (KEY-02).
"""

from __future__ import annotations

import pytest

from doors import ANN, BOB, NEW_PASSWORD, door

ODD = [["x"], {"$ne": 1}, {"$gt": ""}, True, 1, 10**400, 1.5, None, [], {}]
BODIES = {
    "/api/sign-up": BOB,
    "/api/sign-in": ANN,
    "/api/tokens": {**ANN, "scope": "links:read", "refresh": "body"},
    "/api/refresh": {"refresh_token": "x", "refresh": "body"},
    "/api/password": {"current_password": ANN["password"], "new_password": NEW_PASSWORD},
}


@pytest.mark.parametrize("path, body", BODIES.items(), ids=list(BODIES))
async def test_nothing_but_text_is_text(path: str, body: dict[str, str]) -> None:
    async with door() as here:
        browser = await here.signed_in()
        for field in body:
            for odd in ODD:
                if field == "scope" and odd is None:
                    continue  # null is no scope at all
                answer = await browser.post(path, json={**body, field: odd})
                assert (answer.status_code, answer.json()["code"]) == (422, "bad_request"), (field, odd)
                assert [fault["field"] for fault in answer.json()["fields"]] == [field]


@pytest.mark.parametrize("body", [[], [ANN], "text", 1, None, True], ids=repr)
@pytest.mark.parametrize("path", list(BODIES))
async def test_nothing_but_an_object_is_a_body(path: str, body: object) -> None:
    async with door() as here:
        answer = await (await here.signed_in()).post(path, json=body)
        assert (answer.status_code, answer.json()["code"]) == (422, "bad_request")


@pytest.mark.parametrize("extra", [{"roles": ["admin"]}, {"id": "x"}, {"active": True}, {"subject": "x"}], ids=str)
async def test_nobody_hands_themselves_what_was_not_asked_for(extra: dict[str, object]) -> None:
    async with door() as here:
        answer = await here.browser().post("/api/sign-up", json=BOB | extra)
        assert (answer.status_code, answer.json()["fields"][0]["field"]) == (422, next(iter(extra)))
        assert (await here.browser().post("/api/sign-in", json=BOB)).status_code == 401


async def test_a_password_is_not_repeated_in_what_is_wrong_with_it() -> None:
    async with door() as here:
        for password in ("hunter2", ["hunter2"], {"hunter2": 1}):
            answer = await here.browser().post("/api/sign-up", json={"email": "x", "password": password})
            assert answer.status_code == 422
            assert "hunter2" not in answer.text
