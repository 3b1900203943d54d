"""Somebody guesses badly on purpose, so that the owner of the account, or all who share an address, cannot sign in (ENU-03).

A device that signed in to the account before has a line of its own, which nobody else can lengthen. What shows it
opens nothing, holds for one account, and cannot be made or changed.
"""

from __future__ import annotations

import pytest

from admit.core.known_device import LIFE, known, marked
from admit.core.secret import Master
from admit.system import chance
from doors import ANN, BOB, COOKIE, door
from throttled import guarded, somewhere, tried

MASTER = Master([bytes(32)])
NOW = 1_800_000_000.0


async def test_the_owner_signs_in_on_his_device_while_others_guess() -> None:
    async with guarded(ANN, BOB) as (here, _):
        browser = await here.signed_in()
        await browser.post("/api/sign-out")
        places = somewhere()
        for _ in range(10):
            await tried(here, ANN | {"password": "not the password of Ann"}, **next(places))
        assert (await tried(here, ANN, **next(places))).status_code == 429
        assert (await browser.post("/api/sign-in", json=ANN)).status_code == 200
        # To any other account it is a device like all others.
        browser.cookies.delete(COOKIE)
        for _ in range(10):
            await tried(here, BOB | {"password": "not the password of Bob"}, **next(places))
        assert (await browser.post("/api/sign-in", json=BOB)).status_code == 429


async def test_the_owner_signs_in_on_his_device_while_his_address_is_abused() -> None:
    async with guarded() as (here, _):
        browser = await here.signed_in()
        await browser.post("/api/sign-out")
        for number in range(30):
            await tried(here, {"email": f"user{number}@example.com", "password": "not the password of any"})
        assert (await tried(here, ANN)).status_code == 429
        assert (await browser.post("/api/sign-in", json=ANN)).status_code == 200


async def test_a_known_device_has_five_guesses_a_minute_too() -> None:
    async with guarded() as (here, _):
        browser = await here.signed_in()
        wrong = ANN | {"password": "not the password of Ann"}
        assert [(await browser.post("/api/sign-in", json=wrong)).status_code for _ in range(6)] == [401] * 5 + [429]


async def test_what_shows_the_device_opens_nothing() -> None:
    async with door() as here:
        browser = await here.signed_in()
        text = browser.cookies[f"{COOKIE}-device"]
        for name in (COOKIE, f"{COOKIE}-device"):
            assert (await here.browser(Cookie=f"{name}={text}").get("/api/me")).status_code == 401


async def test_two_of_them_count_as_none() -> None:
    async with guarded() as (here, _):
        browser = await here.signed_in()
        text = browser.cookies[f"{COOKIE}-device"]
        wrong = ANN | {"password": "not the password of Ann"}
        for _ in range(5):
            await tried(here, wrong)
        one = f"{COOKIE}-device={text}"
        assert (await tried(here, wrong, Cookie=f"{one}; {one}")).status_code == 429
        assert (await tried(here, wrong, Cookie=one)).status_code == 401


def test_it_is_known_for_its_account_its_time_and_its_master_secret() -> None:
    mark = marked(MASTER, "ann", NOW, chance)
    assert known(MASTER, "ann", mark, NOW) is not None
    assert known(MASTER, "ann", mark, NOW + LIFE - 1) is not None
    assert known(MASTER, "ann", mark, NOW + LIFE) is None
    assert known(MASTER, "bob", mark, NOW) is None
    assert known(Master([bytes(range(32))]), "ann", mark, NOW) is None
    assert known(Master([bytes(range(32)), bytes(32)]), "ann", mark, NOW) is not None


@pytest.mark.parametrize("place", range(0, 65, 3))
def test_no_letter_of_it_can_be_another(place: int) -> None:
    mark = marked(MASTER, "ann", NOW, chance)
    changed = mark[:place] + ("A" if mark[place] != "A" else "B") + mark[place + 1 :]
    assert known(MASTER, "ann", changed, NOW) is None


@pytest.mark.parametrize("text", ["", "adm_d_", "adm_d_....", "adm_d_a.1.b.c", "adm_d_a.ñ.b.c", "x" * 4_096, "."])
def test_any_other_text_is_no_device(text: str) -> None:
    assert known(MASTER, "ann", text, NOW) is None
