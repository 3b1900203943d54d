"""A token that was given back, or whose sign-in is over, still opens a door somewhere (TOK-06)."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest

from admit import Authority, TokenPolicy
from admit.core.jose import UnknownKey
from admit.core.jwk import SigningKey
from admit.core.jwt import mint
from admit.errors import Expired, Revoked
from admit.keys import REREAD_UNKNOWN
from doors import ISSUER, Door, asked, authority, bearer, door
from forge import CLAIMS
from services import PassingClock

ELSEWHERE = "https://api.example.com"


async def test_an_access_token_that_is_given_back_is_over_and_its_session_lives(here: Door) -> None:
    tokens = await here.tokens()
    answer = await here.browser().post("/revoke", data={"token": tokens["access_token"], "token_type_hint": "x"})
    assert (answer.status_code, answer.content) == (200, b"")
    assert (await here.browser(**bearer(tokens)).get("/api/me")).status_code == 401
    again = await here.browser().post("/api/refresh", json={"refresh_token": tokens["refresh_token"]})
    assert (await here.browser(**bearer(again.json())).get("/api/me")).status_code == 200


async def test_a_token_for_somebody_else_can_be_given_back_too(here: Door) -> None:
    tokens = await here.tokens()
    found = await here.auth.sessions.get((await here.browser(**bearer(tokens)).get("/api/me")).json()["session"])
    assert found is not None
    theirs = await here.auth.tokens.access(found, audience=ELSEWHERE)
    await here.browser().post("/revoke", data={"token": theirs})
    assert (await asked(here, theirs, ELSEWHERE)).json() == {"active": False}


async def test_a_refresh_token_that_is_given_back_ends_its_session(here: Door) -> None:
    tokens = await here.tokens()
    assert (await here.browser().post("/revoke", data={"token": tokens["refresh_token"]})).status_code == 200
    assert (await here.browser(**bearer(tokens)).get("/api/me")).status_code == 401
    assert (
        await here.browser().post("/api/refresh", json={"refresh_token": tokens["refresh_token"]})
    ).status_code == 401


@pytest.mark.parametrize("token", ["x", "adm_r_x", "adm_s_x", "é" * 9, "a.b.c"])
async def test_the_answer_is_the_same_for_what_was_never_good(here: Door, token: str) -> None:
    answer = await here.browser().post("/revoke", data={"token": token})
    assert (answer.status_code, answer.content) == (200, b"")


async def test_another_process_learns_of_an_end_before_it_answers(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/admit.db"
    async with door(authority(store=url)) as here, Authority(url, issuer=ISSUER) as other:
        token = (await here.tokens())["access_token"]
        assert (await other.ask(token, ISSUER)).principal.credential == "token"
        await here.browser().post("/revoke", data={"token": token})
        assert (await asked(here, token)).json() == {"active": False}
        with pytest.raises(Revoked, match="has ended"):
            await other.ask(token, ISSUER)


async def test_a_process_that_does_not_know_the_key_yet_reads_it_before_it_answers(tmp_path: Path) -> None:
    url, clock = f"sqlite:///{tmp_path}/admit.db", PassingClock()
    async with door(authority(store=url, clock=clock)) as here, Authority(url, issuer=ISSUER, clock=clock) as other:
        await other.keys.list()
        for key in await here.auth.keys.list():
            await here.auth.keys.revoke(key.kid)
        clock.passes(REREAD_UNKNOWN + 1)
        asked_about, given_back = [(await here.tokens())["access_token"] for _ in range(2)]
        assert (await other.ask(asked_about, ISSUER)).principal.credential == "token"
        unknown = mint(CLAIMS, SigningKey.generate("ES256", secrets.token_bytes))
        with pytest.raises(UnknownKey):
            await other.ask(unknown, ISSUER)
        await other.tokens.end_presented(given_back)
        with pytest.raises(Revoked):
            await here.auth.ask(given_back, ISSUER)


async def test_a_token_that_has_expired_leaves_nothing_in_the_log() -> None:
    clock = PassingClock()
    async with door(authority(clock=clock, tokens=TokenPolicy(access=60))) as here:
        token = (await here.tokens())["access_token"]
        clock.passes(120)
        before = len(here.auth._copy)
        with pytest.raises(Expired):
            await here.auth.tokens.end_presented(token)
        assert (await here.browser().post("/revoke", data={"token": token})).status_code == 200
        assert len(here.auth._copy) == before
