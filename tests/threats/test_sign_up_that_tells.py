"""Asking for an account tells whether somebody has one (ENU-02).

Without mail an open sign-up has to tell that an address is taken, or nobody could sign up. So it can be closed, and then
answers everybody alike; and where it is open, it answers only so often to one address (test_guessing_a_password_online).
"""

from __future__ import annotations

import pytest

from admit.errors import ConfigError
from admit.web import application
from doors import ANN, BOB, Door, authority, door


async def test_a_closed_sign_up_tells_nobody_anything() -> None:
    auth = authority(sign_up="closed")
    await auth.accounts.create(ANN["email"], ANN["password"])
    here = Door(auth, application(auth), auth.issuer)
    async with auth:
        answers = [await here.browser().post("/api/sign-up", json=body) for body in (ANN, BOB, ANN | {"password": "x"})]
        assert {answer.status_code for answer in answers} == {403}
        assert len({answer.content for answer in answers}) == 1
        assert answers[0].json()["code"] == "sign_up_closed"
        form = {"email": BOB["email"], "password": BOB["password"], "password_again": BOB["password"]}
        assert (await here.browser(Origin=auth.origin).post("/sign-up", data=form)).status_code == 403
        assert (await here.browser().get("/sign-up")).status_code == 403
        assert await auth.accounts.by_email(BOB["email"]) is None
        # Who has an account signs in as ever.
        await here.signed_in()


async def test_an_open_sign_up_tells_that_an_address_is_taken_and_no_more() -> None:
    async with door() as here:
        taken = await here.browser().post("/api/sign-up", json=ANN | {"password": BOB["password"]})
        assert (taken.status_code, taken.json()["code"]) == (409, "email_taken")
        assert (await here.browser().post("/api/sign-in", json=ANN)).status_code == 200


def test_a_misspelt_setting_does_not_open_it() -> None:
    with pytest.raises(ConfigError, match="closed"):
        authority(sign_up="close")
