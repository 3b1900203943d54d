"""Whoever was let in for a part takes over the whole: a narrow token changes the password or ends devices (KEY-04)."""

from __future__ import annotations

import httpx
import msgspec
import pytest

from admit.errors import NotEnough
from doors import ANN, NEW_PASSWORD, Door, bearer

CHANGE = {"current_password": ANN["password"], "new_password": NEW_PASSWORD}


async def managed(holder: httpx.AsyncClient, other: str) -> dict[str, int]:
    """What is answered to who would know the devices of the account, end them, or change its password."""
    answers = {
        "list": await holder.get("/api/sessions"),
        "end": await holder.delete(f"/api/sessions/{other}"),
        "end others": await holder.post("/api/sign-out-others"),
        "change": await holder.post("/api/password", json=CHANGE),
    }
    return {what: answer.status_code for what, answer in answers.items()}


@pytest.mark.parametrize("scope", ["links:read", ""])
async def test_a_token_for_less_manages_nothing_also_with_the_password(here: Door, scope: str) -> None:
    owner = await here.signed_in()
    other = (await owner.get("/api/me")).json()["session"]
    narrow = here.browser(**bearer(await here.tokens(scope=scope)))
    assert (await narrow.get("/api/me")).json()["scope"] == scope
    assert set((await managed(narrow, other)).values()) == {403}
    refused = await narrow.post("/api/password", json=CHANGE | {"current_password": "a guess of some length"})
    assert refused.json()["code"] == "not_enough"
    # RFC 6750, 3.1: it says what would do.
    assert 'error="insufficient_scope", scope="links:read links:write"' in refused.headers["www-authenticate"]
    assert (await owner.get("/api/me")).status_code == 200
    assert (await here.browser().post("/api/sign-in", json=ANN)).status_code == 200


async def test_one_token_of_a_sign_in_can_be_for_less_than_the_sign_in(here: Door) -> None:
    owner = await here.signed_in()
    [session] = await here.auth.sessions.of((await owner.get("/api/me")).json()["subject"])
    token = await here.auth.tokens.access(session, scope="links:read")
    narrow = here.browser(Authorization=f"Bearer {token}")
    assert set((await managed(narrow, session.id)).values()) == {403}


async def test_a_cookie_for_less_opens_no_page_of_the_account(here: Door) -> None:
    account = await here.auth.accounts.by_email(ANN["email"])
    assert account is not None
    proof = (await here.auth.subjects.before(account.id)).proven("pwd")
    cookie = (await here.auth.sessions.start(proof, scope="links:read")).cookie or ""
    narrow = here.browser(Cookie=cookie.partition(";")[0])
    form = CHANGE | {"password_again": NEW_PASSWORD}
    for path in ("/account", "/account/password", "/confirm"):
        assert (await narrow.get(path)).status_code == 403
    assert (await narrow.post("/account/password", data=form)).status_code == 403
    assert (await here.browser().post("/api/sign-in", json=ANN)).status_code == 200


async def test_who_holds_all_of_it_manages_it_by_token_too(here: Door) -> None:
    tokens = await here.tokens(scope="links:write links:read")
    other = (await here.tokens(scope="links:read"))["access_token"]
    session = (await here.browser(Authorization=f"Bearer {other}").get("/api/me")).json()["session"]
    owner = here.browser(**bearer(tokens))
    assert (await owner.get("/api/sessions")).status_code == 200
    assert (await owner.delete(f"/api/sessions/{session}")).status_code == 204
    assert (await owner.post("/api/password", json=CHANGE)).status_code == 204


async def test_what_an_application_of_others_holds_is_less_whatever_its_scope(here: Door) -> None:
    tokens = await here.tokens()
    who = here.auth.verify(tokens["access_token"])
    await here.auth.sessions.refuse_narrowed(who)
    with pytest.raises(NotEnough):
        await here.auth.sessions.refuse_narrowed(msgspec.structs.replace(who, client="somebody else's"))
