"""What an upstream behind a gateway is told: a token for it alone, for a minute, that nobody takes for another kind."""

from __future__ import annotations

import json
from typing import Any

import pytest

from admit.core import forwarded, jose, jwt
from admit.core.forwarded import LIFE, NAMES
from admit.core.jwk import SigningKey
from admit.core.principal import Principal
from admit.errors import BadCredential, Expired, NotForUs

NOW = 1_800_000_000.0
ISSUER, HERE = "https://app.example.com/auth", "https://app.example.com"
KEY = SigningKey.generate("ES256", lambda size: b"\7" * size)
KEYS = {KEY.kid: KEY.verifying()}
ANN = Principal(
    subject="ann", credential="session", session="8P71wp9HZHbnXrGhpJn2bp", scope=frozenset({"b", "a"}), roles=frozenset({"user", "x,y"}),
    methods=("pwd",), authenticated_at=NOW - 5, expires_at=NOW + 3_600, gen=1, marks=("", "", "", "", ""),
)  # fmt: skip


def read(text: str, **other: Any) -> forwarded.Forwarded:
    given: dict[str, Any] = {"issuer": ISSUER, "audience": HERE, "now": NOW} | other
    return forwarded.verify(text, KEYS, **given)


def test_the_upstream_reads_who_asks() -> None:
    said = read(forwarded.mint(ANN, KEY, issuer=ISSUER, audience=HERE, now=NOW))
    assert (said.sub, said.sid, said.scope, said.roles) == ("ann", ANN.session, "a b", ("user", "x,y"))
    assert said.exp == NOW + LIFE


def test_it_is_for_one_upstream_for_a_minute_and_of_one_issuer() -> None:
    text = forwarded.mint(ANN, KEY, issuer=ISSUER, audience=HERE, now=NOW)
    with pytest.raises(NotForUs):
        read(text, audience="https://tools.example.com")
    with pytest.raises(BadCredential, match="issued by"):
        read(text, issuer="https://evil.test")
    assert read(text, now=NOW + LIFE + 9).sub == "ann"
    with pytest.raises(Expired):
        read(text, now=NOW + LIFE + 10)
    with pytest.raises(Expired):
        read(text, now=NOW + LIFE + 60, leeway=3_600)
    with pytest.raises(BadCredential, match="future"):
        read(text, now=NOW - 11)


@pytest.mark.parametrize("change", [{"exp": NOW + 61}, {"sub": ""}, {"iat": "now"}, {"roles": "user"}])
def test_one_that_is_never_made_is_not_taken(change: dict[str, Any]) -> None:
    claims = {"iss": ISSUER, "aud": HERE, "sub": "ann", "iat": int(NOW), "exp": int(NOW) + 60, "credential": "token", "scope": "",
              "roles": [], "amr": [], "auth_time": int(NOW)} | change  # fmt: skip
    with pytest.raises(BadCredential):
        read(jose.sign(json.dumps(claims).encode(), KEY, forwarded.TYPE))


def test_no_kind_of_token_passes_for_the_other() -> None:
    text = forwarded.mint(ANN, KEY, issuer=ISSUER, audience=HERE, now=NOW)
    with pytest.raises(BadCredential, match="not a 'at"):
        jwt.verify(text, KEYS, jwt.Rules(issuer=ISSUER, audience=HERE), NOW)
    with pytest.raises(BadCredential, match="this is a"):
        read(jose.sign(b"{}", KEY, jwt.TYPE))


def test_every_header_is_there_whoever_asks_and_holds_nothing_that_ends_it() -> None:
    assert forwarded.headers(None) == tuple((name, b"") for name in NAMES)
    told = dict(forwarded.headers(ANN, "token"))
    assert tuple(told) == NAMES
    assert (told[b"x-admit-roles"], told[b"x-admit-scopes"], told[b"x-admit-token"]) == (
        b"user x%2Cy",
        b"a b",
        b"token",
    )
