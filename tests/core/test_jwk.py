"""Keys: from and to JWK and PEM, and one algorithm each."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admit.core.jwk import MAX_KID, MAX_SET_BYTES, SigningKey, VerifyingKey, key_set
from admit.errors import BadCredential, BadInput
from forge import ALGS, key

ASYMMETRIC = [alg for alg in ALGS if alg != "HS256"]
PRIVATE = {"d", "p", "q", "dp", "dq", "qi", "k"}


def published(*keys: dict[str, Any] | None) -> bytes:
    return json.dumps({"keys": keys}).encode()


@pytest.mark.parametrize("alg", ALGS)
def test_a_signing_key_comes_back_from_its_jwk(alg: str) -> None:
    again = SigningKey.from_jwk(json.loads(json.dumps(key(alg).secret_jwk())))
    assert (again.kid, again.alg) == (key(alg).kid, alg)
    key(alg).verifying().verify(b"data", again.sign(b"data"), alg)


@pytest.mark.parametrize("alg", ASYMMETRIC)
def test_a_signing_key_comes_back_from_its_pem(alg: str) -> None:
    again = SigningKey.from_pem(key(alg).secret_pem(), alg)
    assert again.kid == key(alg).kid
    key(alg).verifying().verify(b"data", again.sign(b"data"), alg)


@pytest.mark.parametrize("alg", ASYMMETRIC)
def test_a_verifying_key_comes_back_from_what_is_published(alg: str) -> None:
    ours = key(alg).verifying()
    jwk = ours.jwk()
    assert jwk is not None
    assert PRIVATE.isdisjoint(jwk)
    assert VerifyingKey.from_jwk(jwk) == ours
    assert VerifyingKey.from_pem(ours.pem(), alg) == ours
    assert key_set(published(jwk)) == {ours.kid: ours}


def test_an_hmac_key_is_never_published() -> None:
    assert key("HS256").verifying().jwk() is None
    with pytest.raises(BadInput):
        key("HS256").verifying().pem()
    with pytest.raises(BadInput):
        key("HS256").secret_pem()


@pytest.mark.parametrize("alg", ALGS)
def test_no_secret_is_shown_by_accident(alg: str) -> None:
    shown = f"{key(alg)!r} {key(alg).verifying()!r} {key(alg).verifying().material!r} {key(alg)}"
    secrets = [value for name, value in key(alg).secret_jwk().items() if name in PRIVATE]
    assert secrets
    assert not [secret for secret in secrets if secret in shown]
    assert alg != "HS256" or repr(key(alg).material) not in shown


def test_a_key_id_is_the_thumbprint_unless_it_is_given() -> None:
    jwk = key("ES256").secret_jwk()
    del jwk["kid"]
    assert SigningKey.from_jwk(jwk).kid == key("ES256").kid
    assert SigningKey.from_jwk(jwk | {"kid": "mine"}).kid == "mine"
    assert SigningKey.from_pem(key("ES256").secret_pem(), "ES256", "mine").verifying().kid == "mine"
    assert VerifyingKey.from_pem(key("ES256").verifying().pem(), "ES256", "mine").kid == "mine"


@pytest.mark.parametrize("kid", ["", "k" * (MAX_KID + 1), 7, ["kid"], "a\nb", "\ud800"])
def test_a_key_id_that_is_none_is_refused(kid: object) -> None:
    with pytest.raises(BadInput, match="kid"):
        SigningKey.from_jwk(key("ES256").secret_jwk() | {"kid": kid})


def test_the_algorithm_must_be_known_from_somewhere() -> None:
    jwk = key("RS256").verifying().jwk()
    assert jwk is not None
    del jwk["alg"]
    with pytest.raises(BadInput):
        VerifyingKey.from_jwk(jwk)
    assert VerifyingKey.from_jwk(jwk, "PS256").alg == "PS256"


@pytest.mark.parametrize("alg", ["none", "None", "RS512", "HS512", "", "ES384", "ES256K", "dir", "rs256"])
def test_an_algorithm_outside_the_table_is_refused(alg: str) -> None:
    with pytest.raises(BadInput, match="supported"):
        SigningKey.generate(alg, bytes)
    with pytest.raises(BadInput, match="supported"):
        VerifyingKey.from_jwk({"kty": "oct", "alg": alg, "k": "A" * 43})


def test_a_set_leaves_out_what_is_for_others() -> None:
    jwk = key("ES256").verifying().jwk()
    assert jwk is not None
    others = [{"kty": "EC", "crv": "P-384", "alg": "ES384"}, {"kty": "AKP"}, jwk | {"use": "enc", "kid": "other"}]
    assert list(key_set(published(*others, jwk))) == [jwk["kid"]]


@pytest.mark.parametrize(
    "document",
    [b"", b"[]", b"{}", b'{"keys":{}}', b'{"keys":[1]}', b'{"keys":[],"keys":[]}', b'{"keys":[{"kid":"a","kid":"b"}]}'],
)
def test_a_document_that_is_no_set_is_refused(document: bytes) -> None:
    with pytest.raises(BadInput):
        key_set(document)


def test_a_set_without_end_is_refused_unread() -> None:
    with pytest.raises(BadInput, match="bytes"):
        key_set(b" " * (MAX_SET_BYTES + 1))


@pytest.mark.parametrize("pem", [b"", b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"])
def test_a_file_that_is_no_pem_is_refused(pem: bytes) -> None:
    with pytest.raises(BadInput, match="cannot be read"):
        VerifyingKey.from_pem(pem, "ES256")
    with pytest.raises(BadInput, match="cannot be read"):
        SigningKey.from_pem(pem, "ES256")


@pytest.mark.parametrize("alg", ALGS)
@given(signature=st.binary(max_size=300))
def test_any_bytes_as_signature_are_refused_with_our_error(alg: str, signature: bytes) -> None:
    with pytest.raises(BadCredential):
        key(alg).verifying().verify(b"data", signature, alg)


@given(
    st.dictionaries(
        st.sampled_from(["kty", "crv", "alg", "kid", "use", "key_ops", "x", "y", "n", "e", "k", "d"]),
        st.sampled_from(["EC", "OKP", "RSA", "oct", "P-256", "Ed25519", *ALGS, "sig", "AQAB", "A" * 43])
        | st.text()
        | st.integers()
        | st.lists(st.text())
        | st.none(),
    )
)
def test_any_jwk_is_a_key_or_refused_with_our_error(jwk: dict[str, object]) -> None:
    for read in (VerifyingKey.from_jwk, SigningKey.from_jwk):
        try:
            found = read(jwk)
        except BadInput:
            continue
        assert found.alg == jwk["alg"]
