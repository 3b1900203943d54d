"""A key that others can use, or that is not meant for signatures, is accepted (JWT-04)."""

from __future__ import annotations

import json
import math
import secrets
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from admit.core.jwk import SigningKey, VerifyingKey, key_set
from admit.core.secret import written
from admit.errors import BadInput
from forge import key

RSA, EC, OKP = ({**(key(alg).verifying().jwk() or {})} for alg in ("RS256", "ES256", "Ed25519"))
P256 = 2**256 - 2**224 + 2**192 + 2**96 - 1
P25519 = 2**255 - 19


def uint(value: int, size: int = 0) -> str:
    return written(value.to_bytes(max(size, (value.bit_length() + 7) // 8)))


def refused(jwk: dict[str, Any], why: str) -> None:
    with pytest.raises(BadInput, match=why) as found:
        VerifyingKey.from_jwk(jwk)
    assert found.value.code == "bad_key"
    with pytest.raises(BadInput, match=why):
        key_set(json.dumps({"keys": [jwk]}).encode())


def rough(bits: int) -> int:
    """An odd number of ``bits`` bits without small factors."""
    while True:
        number = secrets.randbits(bits) | 1 << bits - 1 | 1
        if all(number % d for d in range(3, 1_000, 2)):
            return number


@pytest.mark.parametrize("bits", [1024, 2040, 2047, 8193])
def test_an_rsa_key_that_is_too_small_or_too_large(bits: int) -> None:
    refused(RSA | {"n": uint(rough(bits))}, f"{bits} bits")


@pytest.mark.parametrize("e", [3, 17, 65_535, 65_538, (1 << 32) + 1])
def test_an_rsa_key_with_a_careless_exponent(e: int) -> None:
    refused(RSA | {"e": uint(e)}, "exponent|cannot be read")


@pytest.mark.parametrize("e", [0, 1, 2])
def test_an_rsa_key_whose_signatures_are_the_message(e: int) -> None:
    refused(RSA | {"e": uint(e, 1)}, "exponent|cannot be read")


@pytest.mark.parametrize("factor", [2, 3, 7, 997])
def test_an_rsa_key_with_a_small_factor(factor: int) -> None:
    refused(RSA | {"n": uint(factor * rough(2049 - factor.bit_length()))}, "small factor|cannot be read")


def test_an_rsa_key_of_the_broken_library() -> None:
    primes = [n for n in range(2, 168) if all(n % d for d in range(2, n))]
    modulus = math.prod(primes)
    while True:
        power = pow(65_537, secrets.randbits(100), modulus)
        n = power + modulus * secrets.randbits(2048 - modulus.bit_length())
        if n.bit_length() == 2048 and all(n % d for d in range(2, 1_000)):
            break
    refused(RSA | {"n": uint(n)}, "CVE-2017-15361")


@pytest.mark.parametrize("point", [(0, 0), (1, 1), (P256, P256), (P256 + 5, 1), (5, 0)])
def test_a_point_that_is_not_on_the_curve(point: tuple[int, int]) -> None:
    refused(EC | {"x": uint(point[0], 32), "y": uint(point[1], 32)}, "cannot be read")


@pytest.mark.parametrize("x", [EC["x"][:-3], EC["x"] + "AA", "", "A", EC["x"] + "=", 7, None])
def test_a_coordinate_of_the_wrong_length(x: object) -> None:
    refused(EC | {"x": x}, "“x”")


# The points of small order of edwards25519, and what is no point, or one in another spelling.
EIGHTH = [
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
]
SMALL = [0, 1, P25519 - 1, *(int.from_bytes(bytes.fromhex(y), "little") for y in EIGHTH)]


@pytest.mark.parametrize("sign", [0, 1])
@pytest.mark.parametrize("y", [*SMALL, P25519, P25519 + 1, P25519 + 3, 2])
def test_an_edwards_point_under_which_anybody_can_sign(y: int, sign: int) -> None:
    refused(OKP | {"x": written((y | sign << 255).to_bytes(32, "little"))}, "trusted|cannot be read")


@pytest.mark.parametrize("size", [0, 1, 16, 31])
def test_a_short_hmac_key(size: int) -> None:
    with pytest.raises(BadInput, match=r"bytes|member"):
        VerifyingKey.from_jwk({"kty": "oct", "alg": "HS256", "k": written(b"k" * size)})


@pytest.mark.parametrize(
    "said",
    [
        {"use": "enc"},
        {"use": ""},
        {"use": None},
        {"use": ["sig"]},
        {"key_ops": ["encrypt"]},
        {"key_ops": []},
        {"key_ops": "verify"},
        {"key_ops": ["sign"]},
        {"key_ops": None},
    ],
)
def test_a_key_that_is_meant_for_something_else(said: dict[str, object]) -> None:
    with pytest.raises(BadInput, match="meant"):
        VerifyingKey.from_jwk(EC | said)
    with pytest.raises(BadInput, match="meant"):
        SigningKey.from_jwk(key("ES256").secret_jwk() | said | ({"key_ops": ["verify"]} if "key_ops" in said else {}))


@pytest.mark.parametrize(
    "said",
    [{"alg": "RS256"}, {"alg": "HS256"}, {"alg": "ES384"}, {"kty": "OKP"}, {"crv": "P-384"}, {"crv": None}, {"alg": 7}],
)
def test_a_key_of_another_algorithm(said: dict[str, object]) -> None:
    with pytest.raises(BadInput):
        VerifyingKey.from_jwk(EC | said, "ES256")


def test_two_keys_of_one_id() -> None:
    twin = {**(key("ES256", "twin").verifying().jwk() or {}), "kid": EC["kid"]}
    with pytest.raises(BadInput, match="two keys"):
        key_set(json.dumps({"keys": [EC, twin]}).encode())


@pytest.mark.parametrize("alg", ["RS256", "ES256", "Ed25519", "HS256"])
def test_a_secret_among_published_keys(alg: str) -> None:
    with pytest.raises(BadInput, match="secret"):
        key_set(json.dumps({"keys": [EC, key(alg).secret_jwk()]}).encode())
    if alg != "HS256":
        with pytest.raises(BadInput, match="private"):
            VerifyingKey.from_jwk(key(alg).secret_jwk())


@pytest.mark.parametrize("alg", ["RS256", "ES256", "Ed25519"])
def test_two_halves_that_do_not_belong_together(alg: str) -> None:
    public = key(alg, "another").verifying().jwk()
    assert public is not None
    with pytest.raises(BadInput):
        SigningKey.from_jwk(key(alg).secret_jwk() | public)


def test_an_rsa_key_of_three_primes() -> None:
    with pytest.raises(BadInput, match="two primes"):
        SigningKey.from_jwk(key("RS256").secret_jwk() | {"oth": []})


def pem(private: Any) -> tuple[bytes, bytes]:
    public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), public


@pytest.mark.parametrize("alg", ["ES256", "Ed25519", "RS256", "HS256"])
def test_a_pem_of_another_kind(alg: str) -> None:
    small = rsa.generate_private_key(65_537, 1024)
    for private in (ec.generate_private_key(ec.SECP384R1()), ed448.Ed448PrivateKey.generate(), small):
        secret, public = pem(private)
        with pytest.raises(BadInput):
            SigningKey.from_pem(secret, alg)
        with pytest.raises(BadInput):
            VerifyingKey.from_pem(public, alg)


def test_a_pem_that_is_locked() -> None:
    locked = key("ES256").material.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x"))
    with pytest.raises(BadInput, match="cannot be read"):
        SigningKey.from_pem(locked, "ES256")
