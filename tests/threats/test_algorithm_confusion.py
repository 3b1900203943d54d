"""An attacker names the algorithm: ``none``, or HMAC under the text of a public key (JWT-01)."""

from __future__ import annotations

import hashlib
import hmac

import pytest

from admit.core import jose
from admit.core.algorithms import ALGORITHMS
from admit.core.jwk import SigningKey, VerifyingKey
from admit.core.jwt import mint, verify
from admit.core.secret import written
from admit.errors import BadCredential, BadInput
from forge import ALGS, CLAIMS, NOW, RULES, claims, key, known, segment, token

NONE = ["none", "None", "NONE", "nOnE", "none ", "", "null", None, 0, False, [], ["none"]]


@pytest.mark.parametrize("none", NONE)
@pytest.mark.parametrize("alg", ALGS)
def test_an_unsigned_token_is_refused(alg: str, none: object) -> None:
    kid = key(alg).kid
    signed = f"{segment({'alg': none, 'typ': 'at+jwt', 'kid': kid})}.{segment(claims())}"
    good = mint(CLAIMS, key(alg)).rpartition(".")[2]
    for signature in ("", "AA", good):
        with pytest.raises(BadCredential):
            verify(f"{signed}.{signature}", known(key(alg)), RULES, NOW)


@pytest.mark.parametrize("alg", ["RS256", "PS256", "ES256", "Ed25519", "EdDSA"])
def test_a_public_key_is_no_hmac_secret(alg: str) -> None:
    ours = key(alg).verifying()
    published = str(ours.jwk()).encode()
    for secret in (ours.pem(), ours.pem().strip(), published, b"", ours.kid.encode()):
        signed = f"{segment({'alg': 'HS256', 'typ': 'at+jwt', 'kid': ours.kid})}.{segment(claims())}"
        forged = f"{signed}.{written(hmac.digest(secret, signed.encode(), hashlib.sha256))}"
        with pytest.raises(BadCredential):
            verify(forged, known(key(alg)), RULES, NOW)


@pytest.mark.parametrize("said", ALGS)
@pytest.mark.parametrize("alg", ALGS)
def test_the_key_decides_and_the_header_may_only_agree(alg: str, said: str) -> None:
    # The signature is good for what was signed, so nothing but the name of the algorithm is wrong.
    text = token(claims(), key(alg), alg=said)
    if said == alg:
        assert verify(text, known(key(alg)), RULES, NOW) == CLAIMS
    else:
        with pytest.raises(BadCredential, match="the signature claims"):
            verify(text, known(key(alg)), RULES, NOW)


def test_one_rsa_key_does_not_serve_two_algorithms() -> None:
    for one, other in (("RS256", "PS256"), ("PS256", "RS256"), ("Ed25519", "EdDSA"), ("EdDSA", "Ed25519")):
        text = jose.sign(b"{}", SigningKey("k", other, key(one).material))
        with pytest.raises(BadCredential):
            jose.verify_compact(text, VerifyingKey("k", one, key(one).verifying().material))


@pytest.mark.parametrize("alg", ["HS256", "ES256", "Ed25519"])
def test_a_key_of_another_kind_cannot_be_read_for_an_algorithm(alg: str) -> None:
    jwk = key("RS256").verifying().jwk()
    assert jwk is not None
    with pytest.raises(BadInput):
        VerifyingKey.from_jwk(jwk, alg)
    with pytest.raises(BadInput):
        VerifyingKey.from_jwk(jwk | {"alg": alg})
    with pytest.raises(BadInput):
        VerifyingKey.from_pem(key("RS256").verifying().pem(), alg)
    with pytest.raises(BadInput):
        SigningKey.from_pem(key("RS256").secret_pem(), alg)


def test_the_text_of_a_public_key_is_refused_as_a_secret() -> None:
    for text in (key("RS256").verifying().pem(), b"ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQ someone@example"):
        with pytest.raises(BadInput, match="asymmetric"):
            VerifyingKey.from_jwk({"kty": "oct", "alg": "HS256", "k": written(text)})


def test_the_table_is_closed() -> None:
    assert not hasattr(ALGORITHMS, "__setitem__")
    assert not {name.lower() for name in ALGORITHMS} & {"none", "dir", ""}
