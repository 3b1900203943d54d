"""A token of another kind, rightly signed by our own key, is presented as an access token (JWT-06, TOK-01)."""

from __future__ import annotations

from typing import Any

import joserfc.jwk
import joserfc.jwt
import pytest

from admit.core import jose
from admit.core.jwt import mint, verify
from admit.errors import BadCredential
from forge import CLAIMS, NOW, RULES, claims, key, known, published, token

OURS = key("ES256")
KINDS = [
    "JWT",
    "logout+jwt",
    "dpop+jwt",
    "client-authentication+jwt",
    "secevent+jwt",
    "token-introspection+jwt",
    "oauth-authz-req+jwt",
    "rt+jwt",
    "at",
    "jwt+at",
    "xat+jwt",
    jose.ANY,
    "at+jwtx",
    "",
    ...,
]


@pytest.mark.parametrize("typ", KINDS)
def test_a_token_of_another_type_is_refused_though_it_says_everything_else(typ: object) -> None:
    with pytest.raises(BadCredential):
        verify(token(claims(), OURS, typ=typ), known(OURS), RULES, NOW)


@pytest.mark.parametrize("typ", [kind for kind in KINDS if kind not in ("", ..., jose.ANY)])
def test_an_access_token_is_nothing_else(typ: str) -> None:
    with pytest.raises(BadCredential):
        jose.verify(mint(CLAIMS, OURS), known(OURS), typ)


ID_TOKEN = {name: claims()[name] for name in ("iss", "sub", "aud", "exp", "iat", "auth_time", "amr", "sid")}
OTHERS: dict[str, dict[str, Any]] = {
    "an ID token": ID_TOKEN | {"nonce": "n"},
    "a logout token": {
        "iss": RULES.issuer,
        "aud": RULES.audience,
        "iat": NOW,
        "exp": NOW + 60,
        "jti": "j",
        "events": {},
    },
    "a client assertion": {"iss": "web", "sub": "web", "aud": RULES.issuer, "jti": "j", "iat": NOW, "exp": NOW + 60},
    "a DPoP proof": {"jti": "j", "htm": "GET", "htu": RULES.audience, "iat": NOW},
}


@pytest.mark.parametrize("kind", OTHERS)
def test_the_claims_of_another_kind_are_refused_though_the_type_is_right(kind: str) -> None:
    with pytest.raises(BadCredential, match="not the claims"):
        verify(token(OTHERS[kind], OURS), known(OURS), RULES, NOW)


@pytest.mark.parametrize("name", ["iss", "sub", "aud", "exp", "iat", "jti", "client_id", "sid", "gen", "scope"])
def test_no_claim_of_an_access_token_may_be_missing(name: str) -> None:
    with pytest.raises(BadCredential, match="not the claims"):
        verify(token(claims(**{name: ...}), OURS), known(OURS), RULES, NOW)


@pytest.mark.parametrize("alg", ["ES256", "Ed25519", "RS256", "PS256"])
def test_ours_pass_a_strict_reader_of_rfc_9068(alg: str) -> None:
    said = joserfc.jwt.decode(mint(CLAIMS, key(alg)), joserfc.jwk.import_key(published(key(alg))), [alg])
    assert said.header["typ"] == "at+jwt"
    needed: dict[str, Any] = {name: {"essential": True} for name in ("exp", "sub", "client_id", "iat", "jti")}
    needed |= {name: {"essential": True, "value": claims()[name]} for name in ("iss", "aud")}
    joserfc.jwt.JWTClaimsRegistry(now=lambda: NOW, **needed).validate(said.claims)
    assert all(isinstance(said.claims[name], int) for name in ("exp", "iat", "auth_time"))
    assert isinstance(said.claims["scope"], str)
    assert isinstance(said.claims["roles"], list)
