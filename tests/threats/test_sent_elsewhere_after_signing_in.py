"""A link to our sign-in page carries an address of somebody else's as the place to return to (OPN-01).

Who has just typed a password at our address trusts what comes next; it must not be a copy of our page.
"""

from __future__ import annotations

import pytest

from admit.core.request import Request
from admit.core.return_to import Detours, safe_path
from admit.errors import NoCredential
from doors import ANN, BOB
from web.pages.people import people

ELSEWHERE = [
    "https://evil.test", "//evil.test", "///evil.test", "/\\evil.test", "\\\\evil.test", "\\/evil.test", "/\t/evil.test",
    "/\n/evil.test", "\t//evil.test", " //evil.test", "/\r\n/evil.test", "https:evil.test", "https:/evil.test", "HTTPS://evil.test",
    "javascript:alert(1)", "data:text/html,x", "//evil.test\\@app.example.com", "/%2Fevil.test", "/%5Cevil.test", "/%5cevil.test",
    "/%09/evil.test", "/..//evil.test", "/.//evil.test", "/%2e%2e//evil.test", "/a/..//evil.test", "/\\\\evil.test", "/.%5C/evil.test",
    "/\u2215evil.test", "／／evil.test", "/\u00ad/evil.test", "//evil。test", "@evil.test", "app.example.com.evil.test",
    "https://app.example.com@evil.test/", "/%0d%0aLocation:%20//evil.test", "/\x00/evil.test", "/\x0b/evil.test",
]  # fmt: skip


@pytest.mark.parametrize("text", ELSEWHERE, ids=ascii)
def test_an_address_of_somebody_else_is_not_returned_to(text: str) -> None:
    assert safe_path(text, "/account") == "/account"


@pytest.mark.parametrize("text", ["//evil.test", "/\\evil.test", "https://evil.test/"])
async def test_no_page_leads_there(text: str) -> None:
    sent = {
        "/sign-in": ANN,
        "/sign-up": {**BOB, "password_again": BOB["password"]},
        "/confirm": {"password": ANN["password"]},
    }
    async with people() as here:
        browser = await here.signed_in()
        answers = [await browser.get("/sign-in", params={"next": text})]
        for path, form in sent.items():
            visitor = browser if path == "/confirm" else here.browser()
            answers.append(await visitor.post(path, data={**form, "next": text}))
    assert [(answer.status_code, answer.headers.get("location")) for answer in answers] == [(303, "/account")] * 4


def test_no_guard_hands_such_an_address_on() -> None:
    asked_for = Request("GET", "https://app.example.com//evil.test/x", ((b"sec-fetch-mode", b"navigate"),))
    assert Detours("/sign-in").instead_of(NoCredential("nobody"), asked_for) == "/sign-in?next=/"
