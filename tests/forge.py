"""Tokens and keys made by hand: what an attacker, another library or a careless operator would send."""

from __future__ import annotations

import json
import secrets
from functools import cache
from typing import Any

import msgspec

from admit.core.algorithms import ALGORITHMS
from admit.core.jwk import SigningKey, VerifyingKey
from admit.core.jwt import AccessToken, Rules
from admit.core.secret import written

NOW = 1_760_000_000
ALGS = tuple(ALGORITHMS)
RULES = Rules(issuer="https://app.example.com/auth", audience="https://api.example.com")
CLAIMS = AccessToken(
    iss=RULES.issuer,
    sub="ann",
    aud=RULES.audience,
    exp=NOW + 600,
    iat=NOW,
    jti="T0123456789abcdefghijk",
    client_id="first-party",
    scope="links:read links:write",
    roles=("user",),
    sid="S0123456789abcdefghijk",
    gen=1_750_000_000 << 20,
    auth_time=NOW,
    amr=("pwd",),
)


@cache
def key(alg: str, name: str = "ours") -> SigningKey:
    """A key for ``alg``, the same for every test of this process; ``name`` tells several apart."""
    return SigningKey.generate(alg, secrets.token_bytes)


def known(*keys: SigningKey) -> dict[str, VerifyingKey]:
    """The keys that a verifier would know."""
    return {key.kid: key.verifying() for key in keys}


def published(signer: SigningKey) -> dict[str, Any]:
    """The JWK of what verifies the signatures of ``signer``, also of HS256, which nobody publishes."""
    return {**(signer.verifying().jwk() or signer.secret_jwk())}


def claims(**changed: Any) -> dict[str, Any]:
    """The claims of a good token as plain JSON, with some of them changed; ``...`` takes one away."""
    good: dict[str, Any] = json.loads(msgspec.json.encode(CLAIMS))
    return {name: value for name, value in (good | changed).items() if value is not ...}


def segment(value: object) -> str:
    """Bytes as they are, text in UTF-8, all else as JSON; then in base64url."""
    if isinstance(value, str):
        value = value.encode()
    return written(value if isinstance(value, bytes) else json.dumps(value, separators=(",", ":")).encode())


def token(payload: object, signer: SigningKey, header: object = None, **changed: Any) -> str:
    """A token with any payload and header, rightly signed: what is wrong with it is nothing but what it says."""
    if header is None:
        good = {"alg": signer.alg, "typ": "at+jwt", "kid": signer.kid} | changed
        header = {name: value for name, value in good.items() if value is not ...}
    signed = f"{segment(header)}.{segment(payload)}"
    return f"{signed}.{written(signer.sign(signed.encode()))}"
