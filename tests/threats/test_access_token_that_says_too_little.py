"""An access token that does not say whom it is for is taken by a service it was not meant for (TOK-01).

RFC 9068 fixes what a token says: a type of its own, so that no ID token passes for it, its issuer, its audience,
its client, and when it ends. Each is checked here by somebody who shares no code with us.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import jwt as pyjwt
import pytest

from admit.errors import BadCredential, NotForUs
from worlds import ISSUER, KINDS, World, authority, with_token, world

API = "https://api.example.com"


@pytest.fixture(params=KINDS)
async def here(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    async with world(request.param, tmp_path) as found:
        await found.auth.subjects.change("ann", lambda subject: subject.with_roles(["user"]))
        yield found


async def read_by_a_stranger(here: World, token: str, audience: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The header and the claims, verified by PyJWT with the published keys."""
    header = pyjwt.get_unverified_header(token)
    [key] = [key for key in (await here.auth.keys.jwks())["keys"] if key["kid"] == header["kid"]]
    required = ["iss", "sub", "aud", "exp", "iat", "jti", "client_id"]
    claims = pyjwt.decode(
        token,
        pyjwt.PyJWK(key),
        algorithms=["ES256"],
        audience=audience,
        issuer=ISSUER,
        leeway=10,
        options={"require": required},
    )
    return header, claims


@pytest.mark.parametrize("audience", [None, API])
@pytest.mark.parametrize(("scope", "roles"), [(None, ["user"]), ("links:read", [])], ids=["for all", "for a part"])
async def test_it_is_what_rfc_9068_says(here: World, audience: str | None, scope: str | None, roles: list[str]) -> None:
    started = await here.sign_in()
    token = await here.auth.tokens.access(started.session, audience=audience, scope=scope)
    header, claims = await read_by_a_stranger(here, token, audience or ISSUER)
    assert header["typ"] == "at+jwt"
    assert header["alg"] == "ES256"
    assert claims["iss"] == ISSUER
    assert claims["aud"] == (audience or ISSUER)
    assert claims["sub"] == "ann"
    assert claims["client_id"] == "first-party"
    assert "links:read" in claims["scope"].split()
    assert ("links:write" in claims["scope"].split()) == (scope is None)
    assert claims["roles"] == roles
    assert claims["sid"] == started.session.id
    assert claims["amr"] == ["pwd"]
    assert claims["auth_time"] == claims["iat"] == int(here.clock.now())
    assert claims["exp"] == claims["iat"] + 600
    assert claims["gen"] < 2**53


async def test_no_two_tokens_share_an_id(here: World) -> None:
    started = await here.sign_in()
    tokens = [await here.auth.tokens.access(started.session) for _ in range(20)]
    assert len({(await here.by_token(token)).marks[2] for token in tokens}) == 20


async def test_a_token_for_another_service_or_from_another_issuer_opens_nothing(here: World) -> None:
    started = await here.sign_in()
    with pytest.raises(NotForUs):
        await here.by_token(await here.auth.tokens.access(started.session, audience=f"{ISSUER}/more"))
    async with authority(here.store.inner, here.clock, issuer="https://other.example.com") as other:
        token = await other.tokens.access(started.session, audience=ISSUER)
        assert await here.works(with_token(await here.auth.tokens.access(started.session)))
        with pytest.raises(BadCredential):
            await here.by_token(token)


async def test_the_time_of_issue_is_from_before_what_it_says_was_read(here: World) -> None:
    started = await here.sign_in()
    before = int(here.clock.now())

    async def time_passes() -> None:
        here.clock.advance(30)

    with here.store.once(here.store.before, "get", time_passes):
        token = await here.auth.tokens.access(started.session)
    claims = pyjwt.decode(token, options={"verify_signature": False})
    assert claims["iat"] == before
