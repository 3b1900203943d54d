"""A signing key that leaked goes on verifying, shows up in the JWK Set, or is changed under its readers (TOK-08)."""

from __future__ import annotations

import json
import secrets
from typing import Any

import joserfc.jwk
import joserfc.jwt
import jwt as pyjwt
import msgspec
import pytest

from admit.core.jose import UnknownKey
from admit.core.jwk import key_set, thumbprint
from admit.core.jwt import MAX_LIFE, mint, verify
from admit.core.keyring import PUBLISHED_BEFORE_USE, RETIRES_FOR, Keyring
from admit.core.secret import Master
from admit.errors import BadInput
from forge import ALGS, CLAIMS, NOW, RULES, key

NAMES = [str(number) for number in range(8)]
PRIVATE = {"d", "p", "q", "dp", "dq", "qi", "k", "oth"}
CACHED = PUBLISHED_BEFORE_USE - 1


@pytest.mark.parametrize("alg", ["ES256", "RS256"])
def test_readers_who_cache_the_set_miss_no_signature_through_rotations(alg: str) -> None:
    keys = iter([key(alg, name) for name in NAMES])
    ring = Keyring.new(next(keys), next(keys), NOW)
    now, fetched = float(NOW), NOW - CACHED - 1
    read: Any = None
    skip: Any = {"verify_exp": False, "verify_iat": False, "verify_nbf": False}
    for fresh in keys:
        for _ in range(12):
            now += 60
            if now - fetched > CACHED:
                fetched, read = int(now), json.loads(json.dumps(ring.jwks(now)))
            text = mint(msgspec.structs.replace(CLAIMS, iat=int(now), exp=int(now) + 60), ring.signing)
            theirs = pyjwt.PyJWKSet.from_dict(read)[ring.signing.kid]
            assert pyjwt.decode(text, theirs, [alg], skip, audience=RULES.audience)["sub"] == "ann"
            assert joserfc.jwt.decode(text, joserfc.jwk.KeySet.import_key_set(read), [alg]).claims["sub"] == "ann"
            assert verify(text, key_set(json.dumps(read).encode()), RULES, now).sub == "ann"
        ring = ring.rotate(now, fresh)


def test_a_key_cannot_be_used_before_its_readers_know_it() -> None:
    ring = Keyring.new(key("ES256", "0"), key("ES256", "1"), NOW)
    with pytest.raises(BadInput, match="rotate in"):
        ring.rotate(NOW + PUBLISHED_BEFORE_USE - 1, key("ES256", "2"))


def test_a_compromised_key_verifies_nothing_from_then_on() -> None:
    ring = Keyring.new(key("ES256", "0"), key("ES256", "1"), NOW)
    text = mint(CLAIMS, ring.signing)
    assert verify(text, ring.verifying(NOW), RULES, NOW) == CLAIMS
    for stolen in (ring, ring.rotate(NOW + 600, key("ES256", "2"))):
        revoked = stolen.revoke(key("ES256", "0").kid, NOW + 600, key("ES256", "3"))
        with pytest.raises(UnknownKey):
            verify(text, revoked.verifying(NOW + 600), RULES, NOW + 600)
        assert key("ES256", "0").kid not in json.dumps(revoked.jwks(NOW + 600))
        assert verify(mint(CLAIMS, revoked.signing), revoked.verifying(NOW), RULES, NOW) == CLAIMS


def test_an_old_key_does_not_verify_for_ever() -> None:
    ring = Keyring.new(key("ES256", "0"), key("ES256", "1"), NOW).rotate(NOW + 600, key("ES256", "2"))
    over = NOW + 600 + RETIRES_FOR
    stolen = mint(msgspec.structs.replace(CLAIMS, iat=int(over), exp=int(over) + MAX_LIFE), key("ES256", "0"))
    with pytest.raises(UnknownKey):
        verify(stolen, ring.verifying(over), RULES, over)


@pytest.mark.parametrize("alg", ALGS)
def test_no_private_member_leaves_the_ring(alg: str) -> None:
    ring = Keyring.new(key(alg, "0"), key(alg, "1"), NOW).rotate(NOW + 600, key(alg, "2"))
    published = json.dumps(ring.jwks(NOW + 600))
    body = ring.sealed(Master([b"m" * 32]), secrets.token_bytes).decode()
    hidden = [value for kept in ring.keys for name, value in kept.key.secret_jwk().items() if name in PRIVATE]
    assert hidden
    assert not [value for value in hidden if value in published or value in body or value in repr(ring)]
    assert all(PRIVATE.isdisjoint(jwk) for jwk in json.loads(published)["keys"])


@pytest.mark.parametrize("alg", ALGS)
def test_a_key_id_is_the_thumbprint(alg: str) -> None:
    assert key(alg).kid == thumbprint(alg, key(alg).verifying().material)
