"""Each guard takes API keys where they count, and holds to where and how often one is used."""

from __future__ import annotations

import pytest

from admit.api_keys import Created
from admit.core.throttle import Limit
from guards.applications import GUARDS, Made, by_cookie, by_token, client
from worlds import World, world

guards = pytest.mark.parametrize("made", GUARDS)


async def key_of(here: World, subject: str = "ann", **asked: object) -> Created:
    return await here.auth.api_keys.create(await here.auth.subjects.before(subject), "backup", **asked)  # type: ignore[arg-type]


def by_key(key: Created) -> dict[str, str]:
    """The other header of a program that has a key."""
    return {"X-API-Key": key.text}


@guards
async def test_a_key_opens_the_door_in_either_header_until_it_is_revoked(made: Made) -> None:
    async with world("memory") as here, client(made(here)) as http:
        key, cookie = await key_of(here), by_cookie(await here.sign_in("bob"))
        for headers in (by_token(key.text), by_key(key), by_key(key) | cookie):
            for _ in range(2):  # the second time it was seen before
                answer = await http.get("/links", headers=headers)
                assert (answer.status_code, answer.json()) == (200, {"who": "ann"})
        assert (await http.post("/links", headers=by_key(key) | {"Sec-Fetch-Site": "cross-site"})).status_code == 200
        for two in (by_key(key) | by_token(key.text), by_key(key) | by_token("x"), {"X-API-Key": "x"} | cookie):
            answer = await http.get("/links", headers=two)
            assert (answer.status_code, answer.json()["code"]) == (401, "bad_credential")
        await here.auth.revoke(key.key)
        for headers in (by_token(key.text), by_key(key), by_key(key) | cookie):
            answer = await http.get("/links", headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (401, "bad_credential")


@guards
async def test_where_keys_do_not_count_none_opens(made: Made) -> None:
    async with world("memory") as here, client(made(here, accept=("session", "token"))) as http:
        key, cookie = await key_of(here), by_cookie(await here.sign_in("bob"))
        assert (await http.get("/links", headers=by_token(key.text))).json()["code"] == "bad_credential"
        assert (await http.get("/links", headers=by_key(key))).json()["code"] == "no_credential"
        assert (await http.get("/links", headers=by_key(key) | cookie)).json() == {"who": "bob"}
        # What is lost by it is counted, by every guard once.
        assert {kind: tally.not_accepted for kind, tally in here.auth.tallies.items() if tally.not_accepted} == {
            "api_key": 2
        }


@guards
async def test_a_key_is_no_fresh_sign_in(made: Made) -> None:
    async with world("memory") as here, client(made(here, within=3_600)) as http:
        assert (await http.get("/links", headers=by_key(await key_of(here)))).status_code == 403


@guards
async def test_a_limit_and_a_place_count_also_for_what_was_seen_before(made: Made) -> None:
    async with world("memory") as here, client(made(here)) as http:
        limited, away = await key_of(here, limit=Limit(2, 86_400.0)), await key_of(here, networks=["192.0.2.1"])
        answers = [
            await http.get("/links", headers=headers) for headers in 2 * [by_key(limited), by_token(limited.text)]
        ]
        assert [answer.status_code for answer in answers] == [200, 200, 429, 429]
        rest = int(answers[-1].headers["retry-after"])
        for answer, left in zip(answers, (1, 0, 0, 0), strict=True):
            assert answer.headers["ratelimit-policy"] == '"api-key";q=2;w=86400'
            assert answer.headers["ratelimit"] == f'"api-key";r={left};t={rest}'
        for headers in (by_key(away), by_token(away.text)):
            assert (await http.get("/links", headers=headers)).json()["code"] == "bad_credential"


@guards
async def test_who_has_no_limit_is_told_of_none(made: Made) -> None:
    async with world("memory") as here, client(made(here)) as http:
        placed, free = await key_of(here, networks=["127.0.0.1"]), await key_of(here)
        for headers in (by_key(placed), by_key(free), by_cookie(await here.sign_in())):
            for _ in range(2):
                answer = await http.get("/links", headers=headers)
                assert answer.status_code == 200
                assert "ratelimit" not in str(answer.headers).lower()
