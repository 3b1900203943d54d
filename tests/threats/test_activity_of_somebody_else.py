"""Somebody reads what others did, and from where, by a place of theirs in the audit log (OPS-05).

One's activity is that of the subject that asks, and a place is only a moment in it.
"""

from __future__ import annotations

import pytest

from doors import ANN, BOB, Door, bearer, door


async def subjects(here: Door, *people: dict[str, str]) -> list[str]:
    return [(await (await here.signed_in(who)).get("/api/me")).json()["subject"] for who in people]


@pytest.mark.parametrize("path", ["/api/activity", "/account/activity"])
async def test_a_place_of_somebody_else_leads_to_nothing_of_his(path: str) -> None:
    async with door(None, ANN, BOB) as here:
        for _ in range(3):
            await here.signed_in(ANN)
        ann, bob = await subjects(here, ANN, BOB)
        of_ann = (await here.auth.audit.page(subject=ann)).entries
        browser = await here.signed_in(BOB)
        for entry in of_ann:
            for place in (entry.id[1:], entry.id):
                answer = await browser.get(f"{path}?after={place}")
                assert not [one.id for one in of_ann if one.id in answer.text]
                assert not [one.what for one in of_ann if one.what and one.what in answer.text]
        mine = (await browser.get("/api/activity")).json()["activity"]
        assert {one["id"] for one in mine} == {one.id for one in (await here.auth.audit.page(subject=bob)).entries}


async def test_nobody_is_told_anything_who_is_not_signed_in_or_was_let_in_for_less() -> None:
    async with door(None, ANN) as here:
        assert (await here.browser().get("/api/activity")).status_code == 401
        narrow = await here.tokens(scope="links:read")
        assert (await here.browser().get("/api/activity", headers=bearer(narrow))).status_code == 403
