"""The key of a service that only verifies is stolen, and tried on everything (KEY-01, TOK-07)."""

from __future__ import annotations

from admit.verifier_keys import PREFIX
from doors import GUARDED, ISSUER, Door, bearer, is_problem, service

ELSEWHERE = "https://api.example.com"


async def test_a_verifier_key_is_no_right_to_end_the_tokens_of_others(here: Door) -> None:
    tokens = await here.tokens()
    answer = await (await service(here)).post("/revoke", data={"token": tokens["access_token"]})
    assert answer.status_code == 401
    assert (await here.browser(**bearer(tokens)).get("/api/me")).status_code == 200


async def test_only_a_verifier_key_opens_the_log(here: Door) -> None:
    good = await here.auth.verifiers.create("links", ISSUER)
    other = await here.auth.verifiers.create("other", ISSUER)
    id, _, secret = good.removeprefix(PREFIX).partition(".")
    tokens = await here.tokens()
    bad = [
        tokens["access_token"],
        tokens["refresh_token"],
        "",
        PREFIX,
        good[:-1],
        good + "A",
        good.removeprefix(PREFIX),
        f"{PREFIX}{id}.{other.rpartition('.')[2]}",
        f"{PREFIX}{id[::-1]}.{secret}",
        f"{PREFIX}{id}.{'é' * 43}",
        f"{PREFIX}{id}",
    ]
    for text in bad:
        presented = [(b"authorization", b"Bearer " + text.encode("latin-1"))]
        answer = await here.browser().get("/revocations", headers=presented)
        assert (answer.status_code, is_problem(answer)) == (401, True), text
    assert (await (await here.signed_in()).get("/revocations")).status_code == 401
    assert (await here.browser().get("/revocations")).status_code == 401
    assert (await here.browser(Authorization=f"Bearer {good}").get("/revocations")).status_code == 200


async def test_a_verifier_key_opens_nothing_else(here: Door) -> None:
    links = await service(here)
    for method, path, body in GUARDED:
        assert (await links.request(method, path, json=body)).status_code == 401, path


async def test_a_withdrawn_key_is_refused_at_once(here: Door) -> None:
    links = await service(here)
    assert (await links.get("/revocations")).status_code == 200
    [key] = await here.auth.verifiers.list()
    await here.auth.verifiers.revoke(key.id)
    assert (await links.get("/revocations")).status_code == 401
