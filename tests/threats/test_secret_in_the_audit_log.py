"""Whoever reads the audit log, or a backup of it, signs in by what stands there (OPS-01).

A password is typed into the field of the name, a cookie sits in a header, a User-Agent is whatever somebody sends.
"""

from __future__ import annotations

import pytest

from admit.core.audit import AUDIT, MAX_AGENT, Act
from admit.core.store import Insert
from admit.tokens import TokenPolicy
from doors import ANN, NEW_PASSWORD, Door, authority, bearer, door

TYPED = "correct@horse.battery.staple"


async def written(here: Door) -> bytes:
    """All that the store has of the audit log."""
    records = [one.record async for one in here.auth._ledger.store.dump() if isinstance(one, Insert)]
    return b"\n".join(record.body + repr(record).encode() for record in records if record.kind == AUDIT.kind)


async def test_after_a_life_of_an_account_nothing_that_opens_anything_stands_in_it() -> None:
    async with door(authority(tokens=TokenPolicy(grace=0)), ANN) as here:
        browser = await here.signed_in()
        cookie = browser.cookies["__Host-admit"]
        tokens = await here.tokens()
        await here.browser().post("/api/refresh", json={"refresh_token": tokens["refresh_token"]})
        await here.browser().post("/api/refresh", json={"refresh_token": tokens["refresh_token"]})
        change = {"current_password": ANN["password"], "new_password": NEW_PASSWORD}
        await browser.post("/api/password", json=change | {"current_password": NEW_PASSWORD})
        await browser.post("/api/password", json=change)
        await here.browser().post(
            "/revoke", data={"token": (await here.tokens(ANN | {"password": NEW_PASSWORD}))["access_token"]}
        )
        await here.browser().post("/api/sign-out", headers=bearer(tokens))
        verifier = await here.auth.verifiers.create("links", "https://links.example.com")
        log = await written(here)
        assert log.count(b'"act"') >= 9
        secrets = [ANN["password"], NEW_PASSWORD, cookie, *tokens["access_token"].split("."), verifier, ANN["email"]]
        secrets += [
            part for text in (cookie, tokens["refresh_token"], verifier) for part in text.split(".") if len(part) > 30
        ]
        assert not [secret for secret in secrets if secret.encode() in log]


async def test_what_was_typed_into_the_field_of_the_name_is_a_digest_that_only_this_house_can_make() -> None:
    kept: list[str] = []
    for secret in (bytes(32), bytes(range(32))):
        async with door(authority(secret=secret)) as here:
            for _ in range(2):
                await here.browser().post("/api/sign-in", json={"email": TYPED, "password": ANN["password"]})
            assert TYPED.encode() not in await written(here)
            entries = (await here.auth.audit.page()).entries
            named = {entry.what for entry in entries if entry.act == Act.SIGN_IN}
            assert len(named) == 1, "the same name looks alike"
            kept += named
    assert kept[0] != kept[1]


@pytest.mark.parametrize("header", ["User-Agent", "X-Forwarded-For", "Referer", "X-Request-Id"])
async def test_a_header_fills_no_log(header: str) -> None:
    async with door(None, ANN) as here:
        await here.browser(**{header: "x" * 6_000}).post("/api/sign-in", json=ANN)
        assert b"x" * (MAX_AGENT + 1) not in await written(here)
