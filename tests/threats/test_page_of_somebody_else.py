"""A cache between gives one visitor the page of another (SES-12)."""

from __future__ import annotations

import pytest

from doors import ANN
from web.pages.people import OPENED, SENT, people

DISGUISED = [
    "/account/x.css",
    "/account.css",
    "/account/",
    "/account;x.css",
    "/account%2fx.css",
    "/account%0A",
    "/account/password/x.js",
    "/static/account",
]


@pytest.mark.parametrize("path", DISGUISED)
async def test_a_page_has_one_address_and_none_that_looks_like_a_file(path: str) -> None:
    async with people() as here:
        answer = await (await here.signed_in()).get(path)
    assert answer.status_code == 404
    assert answer.headers["cache-control"] == "no-store"
    assert ANN["email"] not in answer.text


async def test_what_may_be_kept_is_the_same_for_everybody_and_sets_no_cookie() -> None:
    async with people() as here:
        browser = await here.signed_in()
        answers = [await browser.get(path) for path in OPENED]
        answers += [await browser.post(path, data=form) for path, form in SENT.items()]
    for answer in answers:
        assert answer.headers["cache-control"] == "no-store"
