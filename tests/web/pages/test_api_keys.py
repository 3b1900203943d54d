"""API keys at the pages: made by a form, shown once, revoked and confirmed by a button."""

from __future__ import annotations

import pytest

from admit.core.api_key import parse_api_key
from doors import BOB
from web.pages.html import Page
from web.pages.people import people

FORM = {"name": "nightly backup", "scope": "links:read", "days": "30"}


async def test_a_key_is_shown_once_works_and_is_revoked() -> None:
    async with people() as here:
        browser = await here.signed_in()
        assert "You have none." in Page((await browser.get("/account/keys")).text).text
        answer = await browser.post("/account/keys/new", data=FORM)
        assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
        key = Page(answer.text).one("p", id="made").text
        id, presented = parse_api_key(key)
        program = here.door.browser(**{"X-API-Key": key})
        assert (await program.get("/api/me")).json()["scope"] == "links:read"
        page = Page(listed := (await browser.get("/account/keys")).text)
        assert "nightly backup" in page.text
        assert "used just now" in page.text
        assert "May do links:read" in page.text
        assert presented not in listed
        answer = await browser.post("/account/keys/revoke", data={"key": id})
        assert answer.headers["location"] == "/account/keys?done=revoked"
        assert "That key is revoked." in Page((await browser.get("/account/keys?done=revoked")).text).text
        assert (await program.get("/api/me")).status_code == 401


@pytest.mark.parametrize(
    "wrong, said",
    [
        ({"name": ""}, "Say what the key is for."),
        ({"name": "x" * 65}, "A key has a name of 1 to 64 printable characters."),
        ({"scope": "users:write"}, "Ask for less"),
        ({"days": "0"}, "Write for how many days it is good: 1 to 3650."),
        ({"days": "1e3"}, "Write for how many days it is good: 1 to 3650."),
        ({"days": "٣"}, "Write for how many days it is good: 1 to 3650."),
        ({"days": ""}, "Write for how many days it is good: 1 to 3650."),
    ],
    ids=str,
)
async def test_what_is_wrong_stands_at_its_field_and_the_rest_stays(wrong: dict[str, str], said: str) -> None:
    async with people() as here:
        browser = await here.signed_in()
        answer = await browser.post("/account/keys/new", data=FORM | wrong)
        assert answer.status_code == 422
        page = Page(answer.text)
        assert said in page.text
        kept = {field.attributes["name"]: field.attributes["value"] for field in page.all("input")}
        assert kept == FORM | wrong
        assert "You have none." in (await browser.get("/account/keys")).text


async def test_a_key_for_everything_says_so() -> None:
    async with people() as here:
        browser = await here.signed_in()
        assert (await browser.post("/account/keys/new", data=FORM | {"scope": ""})).status_code == 200
        assert "May do everything that you may" in Page((await browser.get("/account/keys")).text).text


async def test_a_suspended_key_goes_on_when_its_owner_says_so() -> None:
    async with people() as here:
        browser = await here.signed_in()
        key = Page((await browser.post("/account/keys/new", data=FORM)).text).one("p", id="made").text
        here.clock.passes(2)
        await here.door.auth.restore()
        browser = await here.signed_in()
        assert "Suspended" in Page((await browser.get("/account/keys")).text).text
        answer = await browser.post("/account/keys/confirm", data={"key": parse_api_key(key)[0]})
        assert answer.headers["location"] == "/account/keys?done=confirmed"
        assert "Suspended" not in Page((await browser.get("/account/keys")).text).text
        assert (await here.door.browser(**{"X-API-Key": key}).get("/api/me")).status_code == 200


async def test_a_key_of_somebody_else_is_none() -> None:
    async with people() as here:
        ann = await here.signed_in()
        key = Page((await ann.post("/account/keys/new", data=FORM)).text).one("p", id="made").text
        bob = here.browser()
        await bob.post("/sign-up", data={**BOB, "password_again": BOB["password"]})
        for act in ("revoke", "confirm"):
            assert (await bob.post(f"/account/keys/{act}", data={"key": parse_api_key(key)[0]})).status_code == 404
        assert (await here.door.browser(**{"X-API-Key": key}).get("/api/me")).status_code == 200


async def test_whoever_signed_in_long_ago_confirms_before_the_form() -> None:
    async with people() as here:
        browser = await here.signed_in()
        here.clock.passes(1_200)
        answer = await browser.get("/account/keys/new")
        assert answer.headers["location"] == "/confirm?next=/account/keys/new"
        assert (await browser.post("/account/keys/new", data=FORM)).status_code == 303
        assert "You have none." in (await browser.get("/account/keys")).text
