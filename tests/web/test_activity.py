"""One's own activity: for programs and on a page, the newest first, and nothing of anybody else's."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from admit.core.audit import Act
from admit.trail import acting
from admit.web.pages.activity import _WORDS
from doors import ANN, BOB, Door, bearer, door
from web.pages.people import FIREFOX, people

WRONG = ANN | {"password": "not the password of Ann"}


@pytest.fixture
async def here() -> AsyncIterator[Door]:
    async with door(None, ANN, BOB) as found:
        yield found


async def test_what_one_did_is_told_with_the_device_and_the_address(here: Door) -> None:
    await here.browser().post("/api/sign-in", json=WRONG)
    browser = here.browser(**{"User-Agent": FIREFOX})
    session = (await browser.post("/api/sign-in", json=ANN)).json()["session"]
    told = (await browser.get("/api/activity")).json()
    assert told["after"] is None
    signed_in, failed, created = told["activity"]
    assert signed_in | {"id": "", "at": 0} == {
        "id": "",
        "at": 0,
        "act": "sign_in",
        "failed": None,
        "times": 1,
        "by": "you",
        "session": session,
        "address": "127.0.0.1",
        "device": "Firefox/Linux",
    }
    assert (failed["act"], failed["failed"], failed["by"]) == ("sign_in", "wrong_password", None)
    assert (created["act"], created["by"]) == ("account_created", None)


async def test_an_operator_is_one_whatever_his_name(here: Door) -> None:
    browser = await here.signed_in()
    ann = (await browser.get("/api/me")).json()["subject"]
    with acting(operator="root"):
        await here.auth.subjects.change(ann, lambda subject: subject.with_roles(["user", "admin"]))
    answer = await browser.get("/api/activity")
    assert answer.json()["activity"][0]["by"] == "operator"
    assert "root" not in answer.text


async def test_pages_continue_each_other(here: Door) -> None:
    browser = await here.signed_in()
    for _ in range(4):
        await here.signed_in()
    found: list[str] = []
    after = ""
    while True:
        page = (await browser.get(f"/api/activity?limit=2{after}")).json()
        found += [entry["id"] for entry in page["activity"]]
        if page["after"] is None:
            break
        after = f"&after={page['after']}"
    whole = (await browser.get("/api/activity")).json()["activity"]
    assert found == [entry["id"] for entry in whole]
    assert len(set(found)) == 6


async def test_a_token_for_less_is_told_nothing_of_it(here: Door) -> None:
    narrow = await here.tokens(scope="links:read")
    assert (await here.browser().get("/api/activity", headers=bearer(narrow))).status_code == 403


@pytest.mark.parametrize(
    "query", ["after=x", "after=" + "é" * 21, "after=" + "a" * 22, "limit=0", "limit=51", "limit=x"]
)
async def test_what_no_page_gave_is_refused(here: Door, query: str) -> None:
    browser = await here.signed_in()
    assert (await browser.get(f"/api/activity?{query}")).status_code == 422


async def test_the_account_page_tells_the_last_of_it_and_another_page_all() -> None:
    async with people() as here:
        browser = await here.signed_in()
        account = (await browser.get("/account")).text
        assert "Recent activity" in account
        assert "Signed in" in account
        whole = await browser.get("/account/activity")
        assert "All activity" in account
        assert "Firefox on Linux" in whole.text
        assert (await browser.get("/account/activity?after=x")).status_code == 422


def test_everything_that_happens_to_people_has_words() -> None:
    of_the_house = {
        act for act in Act if act.startswith(("signing_key", "verifier", "everything", "imported", "staleness"))
    }
    assert of_the_house | {Act.SUBJECT_CHANGED, Act.SIGN_UP, Act.ACCOUNT_DELETED} | _WORDS.keys() == set(Act)
