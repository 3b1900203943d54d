"""Compact JWS: the examples of the RFCs, and what other libraries make of ours and we of theirs."""

from __future__ import annotations

from typing import Any

import joserfc.jwk
import joserfc.jws
import jwt as pyjwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from admit.core import jose
from admit.core.jwk import SigningKey, VerifyingKey
from admit.errors import BadCredential, BadInput
from core.vectors import ABSENT, PRESENT
from forge import ALGS, key, known, published, segment, token

JOE = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
N = (
    "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pC"
    "gNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665"
    "xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"
)
RS256 = (
    "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1d"
    "nZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwu"
    "sC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"
)
ES256 = "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
EDDSA = "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
POINT = {"x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}
EXAMPLES = {
    "RFC 7515 A.1": (
        "HS256",
        {"kty": "oct", "k": "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"},
        f"eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.{JOE}.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
    ),
    "RFC 7515 A.2": ("RS256", {"kty": "RSA", "n": N, "e": "AQAB"}, f"eyJhbGciOiJSUzI1NiJ9.{JOE}.{RS256}"),
    "RFC 7515 A.3": ("ES256", {"kty": "EC", "crv": "P-256"} | POINT, f"eyJhbGciOiJFUzI1NiJ9.{JOE}.{ES256}"),
    "RFC 8037 A.4": (
        "EdDSA",
        {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
        f"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.{EDDSA}",
    ),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_examples_of_the_rfcs_verify(name: str) -> None:
    alg, jwk, text = EXAMPLES[name]
    payload = jose.verify_compact(text, VerifyingKey.from_jwk(jwk, alg))
    assert payload.startswith((b'{"iss":"joe",', b"Example of Ed25519 signing"))
    head, body, signature = text.split(".")
    with pytest.raises(BadCredential):
        jose.verify_compact(f"{head}.{body[:-4]}AAAA.{signature}", VerifyingKey.from_jwk(jwk, alg))


def test_the_thumbprint_of_rfc_8037(record_property: Any) -> None:
    if not PRESENT:
        record_property("note", ABSENT)
    _, jwk, _ = EXAMPLES["RFC 8037 A.4"]
    assert VerifyingKey.from_jwk(jwk, "Ed25519").kid == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


@pytest.mark.parametrize("alg", [alg for alg in ALGS if alg != "Ed25519"])  # PyJWT knows it as EdDSA only
def test_pyjwt_agrees_both_ways(alg: str) -> None:
    ours = key(alg)
    theirs = pyjwt.PyJWK(published(ours))
    assert pyjwt.PyJWS().decode(jose.sign(b"abc", ours), theirs, [alg]) == b"abc"
    text = pyjwt.PyJWS().encode(b"abc", pyjwt.PyJWK(ours.secret_jwk()), alg, headers={"kid": ours.kid, "typ": "x"})
    assert jose.verify(text, known(ours), "x") == b"abc"


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
@pytest.mark.parametrize("alg", ALGS)
def test_joserfc_agrees_both_ways(alg: str) -> None:
    ours = key(alg)
    theirs = joserfc.jwk.import_key({**ours.secret_jwk()})
    assert joserfc.jws.deserialize_compact(jose.sign(b"abc", ours), theirs, [alg]).payload == b"abc"
    text = joserfc.jws.serialize_compact({"alg": alg, "kid": ours.kid, "typ": "x"}, b"abc", theirs, [alg])
    assert jose.verify(text, known(ours), "x") == b"abc"


@pytest.mark.parametrize("alg", ALGS)
def test_only_the_key_that_signed_verifies(alg: str) -> None:
    text = jose.sign(b"abc", key(alg))
    assert jose.verify_compact(text, key(alg).verifying()) == b"abc"
    with pytest.raises(BadCredential):
        jose.verify_compact(text, key(alg, "another").verifying())


def test_an_unknown_key_is_told_apart_inside_and_looks_like_any_other_fault_outside() -> None:
    with pytest.raises(jose.UnknownKey) as found:
        jose.verify(jose.sign(b"{}", key("ES256"), "at+jwt"), {}, "at+jwt")
    assert found.value.kid == key("ES256").kid
    assert (found.value.code, found.value.public) == (BadCredential.code, BadCredential.public)


def test_a_token_says_which_key_signed_it() -> None:
    assert jose.key_id(jose.sign(b"{}", key("ES256"))) == key("ES256").kid


def test_a_token_without_a_key_id_names_no_key() -> None:
    with pytest.raises(jose.UnknownKey):
        jose.verify(token({}, key("ES256"), kid=...), known(key("ES256")), "at+jwt")


@pytest.mark.parametrize("typ", ["at+jwt", "AT+JWT", "application/at+jwt", "Application/At+Jwt"])
def test_a_type_may_be_written_in_every_way_of_rfc_7515(typ: str) -> None:
    assert jose.verify(token({}, key("ES256"), typ=typ), known(key("ES256")), "at+jwt") == b"{}"


@pytest.mark.parametrize("typ", ["JWT", "at", "application/x/at+jwt", "text/at+jwt", "at+jwt ", "", ..., 7, None])
def test_another_type_is_refused(typ: object) -> None:
    with pytest.raises(BadCredential):
        jose.verify(token({}, key("ES256"), typ=typ), known(key("ES256")), "at+jwt")


@pytest.mark.parametrize(
    "header",
    [
        {},
        {"typ": "x"},
        {"alg": None},
        {"alg": ["ES256"]},
        {"alg": "ES256", "kid": 7},
        {"alg": "ES256", "kid": "k" * 129},
        [],
        "ES256",
        b"\xff",
        b"",
        b'{"alg":"ES256","alg":"ES256"}',
        b'{"alg":"ES256","x":{"y":1,"y":2}}',
        b'{"alg":"ES256","x":' + b"[" * 2_000 + b"]" * 2_000 + b"}",
    ],
)
def test_a_header_that_is_not_one_is_refused(header: object) -> None:
    with pytest.raises(BadCredential):
        jose.verify_compact(token({}, key("ES256"), header), key("ES256").verifying())


def test_a_token_too_long_for_a_verifier_is_not_signed() -> None:
    with pytest.raises(BadInput) as found:
        jose.sign(b"x" * jose.MAX_LENGTH, key("HS256"))
    assert found.value.code == "too_long"


@given(st.text() | st.text("eyJ.-_= {}", max_size=200))
def test_any_text_is_refused_with_our_error(text: str) -> None:
    with pytest.raises(BadCredential):
        jose.verify(text, known(key("HS256")), "at+jwt")


@given(header=st.binary(), payload=st.binary())
def test_any_header_that_is_rightly_signed_gives_a_payload_or_our_error(header: bytes, payload: bytes) -> None:
    try:
        read = jose.verify_compact(token(payload, key("HS256"), header), key("HS256").verifying())
    except BadCredential:
        return
    assert read == payload


def test_what_was_judged_once_is_not_good_for_another_key() -> None:
    text = jose.sign(b"abc", key("Ed25519"))
    assert jose.verify_compact(text, key("Ed25519").verifying()) == b"abc"
    other = SigningKey(key("Ed25519").kid, "EdDSA", key("Ed25519").material)
    with pytest.raises(BadCredential):
        jose.verify_compact(text, other.verifying())


def test_a_segment_is_written_without_padding() -> None:
    assert jose.sign(b"a", key("HS256")).split(".")[1] == segment(b"a") == "YQ"
