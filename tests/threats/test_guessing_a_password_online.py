"""Passwords are guessed by trying: one account with many, or many accounts with one, from one address or from thousands (ENU-03, ENU-06, ENU-07).

Each try counts before anything is hashed, for all processes together, whether there is such an account or not.
A hundred at once are no more tries than a hundred in a row, and who has to wait is told how long.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from admit.core.throttle import MODERATE, Limit, ThrottlePolicy
from admit.hashing import Hashing
from admit.stores.counters import MAX_COUNTERS, Counters
from doors import ANN, BOB, PROBLEM, authority, door
from throttled import BEHIND, DAY, Clock, guarded, somewhere, tried

WRONG = {"email": ANN["email"], "password": "not the password of Ann"}
NOBODY = {"email": "nobody@example.com", "password": "not the password of anybody"}


@pytest.mark.parametrize("body", [WRONG, NOBODY], ids=["an account", "nobody's"])
@pytest.mark.parametrize("path", ["/api/sign-in", "/api/tokens", "/sign-in"])
async def test_from_thousands_of_addresses_one_account_is_tried_five_times_a_minute(
    body: dict[str, str], path: str
) -> None:
    async with guarded() as (here, clock):
        places = somewhere()
        given: dict[str, Any] = {"data": body} if path == "/sign-in" else {"json": body}
        answers = [await here.browser(**next(places)).post(path, **given) for _ in range(12)]
        assert [answer.status_code for answer in answers] == [401] * 5 + [429] * 7
        assert 0 < int(answers[-1].headers["Retry-After"]) <= 60
        clock.advance(int(answers[-1].headers["Retry-After"]))
        assert (await here.browser(**next(places)).post(path, **given)).status_code == 401


async def test_an_address_in_other_letters_is_the_same_account() -> None:
    async with guarded() as (here, _):
        places = somewhere()
        spellings = ("ann@example.com", "ANN@example.com", "Ann@Example.Com", "aNN@EXAMPLE.com") * 2
        answers = [await tried(here, WRONG | {"email": spelled}, **next(places)) for spelled in spellings]
        assert [answer.status_code for answer in answers] == [401] * 5 + [429] * 3


async def test_who_has_to_wait_learns_nothing_not_even_with_the_right_password() -> None:
    async with guarded() as (here, _):
        places = somewhere()
        for body in (WRONG, NOBODY):
            for _ in range(5):
                await tried(here, body, **next(places))
        waits = [await tried(here, body, **next(places)) for body in (ANN, WRONG, NOBODY)]
        assert {answer.status_code for answer in waits} == {429}
        assert len({answer.content for answer in waits}) == 1
        assert len({str(sorted(answer.headers.items())) for answer in waits}) == 1
        assert waits[0].headers["content-type"] == PROBLEM
        assert waits[0].json()["code"] == "too_many"


async def test_the_wait_grows_from_a_minute_to_a_month_and_never_are_there_more_than_a_hundred_in_a_row() -> None:
    async with guarded() as (here, clock):
        places, guesses, longest = somewhere(), 0, 0
        end = clock.now() + 29 * DAY
        while clock.now() < end:
            answer = await tried(here, WRONG, **next(places))
            if answer.status_code == 401:
                guesses += 1
                continue
            wait = int(answer.headers["Retry-After"])
            assert wait >= longest or wait <= DAY, "the wait shrank"
            longest = max(longest, wait)
            clock.advance(wait)
        assert guesses == 100
        assert longest > 20 * DAY


async def test_one_address_tries_twenty_accounts_a_minute() -> None:
    async with guarded() as (here, _):
        spray = [{"email": f"user{number}@example.com", "password": "Summer of 2026 and all"} for number in range(30)]
        statuses = [(await tried(here, body)).status_code for body in spray]
        assert statuses == [401] * 20 + [429] * 10
        assert (await tried(here, spray[0], **next(somewhere()))).status_code == 401


async def test_a_hundred_at_once_are_five_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    hashed: list[None] = []
    verify = Hashing.verify

    async def counted(self: Hashing, password: bytes, phc: str | None) -> None:
        hashed.append(None)
        await verify(self, password, phc)

    monkeypatch.setattr(Hashing, "verify", counted)
    async with guarded() as (here, _):
        places, barrier = somewhere(), asyncio.Barrier(100)

        async def guess(place: dict[str, str]) -> int:
            await barrier.wait()
            return (await tried(here, WRONG, **place)).status_code

        statuses = await asyncio.gather(*(guess(next(places)) for _ in range(100)))
    assert sorted(statuses) == [401] * 5 + [429] * 95
    assert len(hashed) == 5


async def test_two_servers_of_one_store_count_together(tmp_path: Path) -> None:
    clock, places, store = Clock(), somewhere(), f"sqlite:///{tmp_path}/admit.db"
    async with (
        door(authority(store=store, clock=clock, proxies=BEHIND)) as one,
        door(authority(store=store, clock=clock, proxies=BEHIND), BOB) as other,
    ):
        statuses = [(await tried(here, WRONG, **next(places))).status_code for here in (one, other) * 4]
        assert statuses == [401] * 5 + [429] * 3
    counts = b"".join(file.read_bytes() for file in [*tmp_path.glob("admit.db-counts*")])  # noqa: ASYNC240 - nobody waits
    assert b"example.com" not in counts
    assert b"198.51" not in counts


async def test_signing_in_gives_back_its_own_try_and_nothing_else() -> None:
    async with guarded() as (here, _):
        places = somewhere()
        for _ in range(20):
            assert (await tried(here, ANN, **next(places))).status_code == 200
        for _ in range(4):
            await tried(here, WRONG, **next(places))
        # In between, the owner comes from somewhere new: the guesses of before stay counted.
        assert (await tried(here, ANN, **next(places))).status_code == 200
        assert [(await tried(here, WRONG, **next(places))).status_code for _ in range(2)] == [401, 429]


async def test_only_a_sign_in_ends_the_row_of_failures() -> None:
    policy = ThrottlePolicy(account=(Limit(50, 60),), source=MODERATE.source, consecutive=Limit(3, DAY))
    async with guarded(throttle=policy) as (here, _):
        places = somewhere()
        assert [(await tried(here, WRONG, **next(places))).status_code for _ in range(2)] == [401, 401]
        assert (await tried(here, ANN, **next(places))).status_code == 200
        assert [(await tried(here, WRONG, **next(places))).status_code for _ in range(4)] == [401, 401, 401, 429]


async def test_what_is_no_guess_is_not_counted_as_one() -> None:
    async with guarded() as (here, _):
        long = ANN | {"password": "x" * 2_000}
        assert [(await tried(here, long)).status_code for _ in range(10)] == [422] * 10
        assert (await tried(here, ANN)).status_code == 200


async def test_the_present_password_is_not_guessed_in_a_session_that_was_left_open() -> None:
    async with guarded() as (here, clock):
        browser = await here.signed_in()
        right = {"current_password": ANN["password"], "new_password": "another one, not shorter"}
        short = right | {"new_password": "short"}
        assert [(await browser.post("/api/password", json=short)).status_code for _ in range(6)] == [422] * 6
        wrong = right | {"current_password": "not the password of Ann"}
        assert [(await browser.post("/api/password", json=wrong)).status_code for _ in range(6)] == [422] * 5 + [429]
        assert (await browser.post("/api/password", json=right)).status_code == 429
        clock.next_window(60)
        assert (await browser.post("/api/password", json=right)).status_code == 204


async def test_accounts_are_not_made_or_asked_for_without_end_from_one_address() -> None:
    async with guarded() as (here, _):
        place = next(somewhere())
        statuses = [(await tried(here, ANN, "/api/sign-up", **place)).status_code for _ in range(22)]
        assert statuses == [409] * 20 + [429] * 2


def test_a_flood_of_keys_does_not_wash_away_the_count_of_one_who_is_guessed_at() -> None:
    counters = Counters()
    for _ in range(5):
        counters.count("the victim", DAY, 0.0, 1)
    for number in range(MAX_COUNTERS + 1_000):
        counters.count(f"flood {number}", DAY, 0.0, 1)
    assert len(counters) <= MAX_COUNTERS
    assert counters.count("the victim", DAY, 0.0, 0) == 5
