"""A cookie before the sign-in is open to others, or one that is bad keeps its owner from signing in (COO-01, COO-03, COO-04)."""

from __future__ import annotations

import pytest

from doors import ANN, COOKIE
from web.pages.people import OPENED, SENT, people

BAD = ["", "x", "adm_s_", "x" * 4_000, "adm_s_" + "x" * 8_000, "adm_s_qP7-9dYxaZaTO9pr3Ny096.1." + "A" * 43]


@pytest.mark.parametrize("path", OPENED)
async def test_nobody_gets_a_cookie_before_signing_in(path: str) -> None:
    async with people() as here:
        assert "set-cookie" not in (await here.browser().get(path)).headers


@pytest.mark.parametrize("value", BAD, ids=len)
async def test_with_any_cookie_one_can_sign_in(value: str) -> None:
    async with people() as here:
        browser = here.browser()
        headers = {"Cookie": f"{COOKIE}={value}"}
        answer = await browser.get("/account", headers=headers)
        assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
        assert (await browser.get("/sign-in", headers=headers)).status_code == 200
        assert (await browser.post("/sign-in", data=ANN, headers=headers)).headers["location"] == "/account"
        assert (await browser.get("/account")).status_code == 200


async def test_every_cookie_on_every_page_is_ours_alone() -> None:
    lines: list[str] = []
    for path, form in SENT.items():
        async with people() as here:
            browser = await here.signed_in()
            lines += (await browser.post(path, data=form)).headers.get_list("set-cookie")
    assert len(lines) >= 5
    for line in lines:
        pair, *attributes = line.split("; ")
        assert pair.startswith("__Host-admit")
        assert len(pair) < 4_096
        assert {"Path=/", "HttpOnly", "Secure"} <= set(attributes)
        assert {"SameSite=Lax", "SameSite=Strict"} & set(attributes)
        assert not [attribute for attribute in attributes if attribute.lower().startswith("domain")]
