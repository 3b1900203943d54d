"""An RSA signature is good for a careless reader of its padding only (JWT-04, CVE-2006-4339, CVE-2016-1000338)."""

from __future__ import annotations

import hashlib

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

from admit.core.algorithms import ALGORITHMS
from forge import key

KEY: rsa.RSAPrivateKey = key("RS256").material
NUMBERS = KEY.private_numbers()
MODULUS = NUMBERS.public_numbers.n
DATA = b"what is signed"
DIGEST = hashlib.sha256(DATA).digest()
GOOD = bytes.fromhex("3031300d060960864801650304020105000420") + DIGEST
WITHOUT_NULL = bytes.fromhex("302f300b0609608648016503040201" + "0420") + DIGEST
LONG_LENGTHS = bytes.fromhex("308131300d060960864801650304020105000420") + DIGEST
PARAMETERS = bytes.fromhex("3034301006096086480165030402010403" + "414141" + "0420") + DIGEST
SHA512_NAMED = bytes.fromhex("3031300d060960864801650304020305000420") + DIGEST


def filled(content: bytes, kind: bytes = b"\1", fill: bytes = b"\xff") -> bytes:
    return b"\0" + kind + fill * (253 - len(content)) + b"\0" + content


def signed(message: bytes) -> bytes:
    """What only the owner of the key can make; that a forger may come near it is the attack."""
    return pow(int.from_bytes(message), NUMBERS.d, MODULUS).to_bytes(256)


def accepted(signature: bytes) -> bool:
    try:
        ALGORITHMS["RS256"].verify(KEY.public_key(), DATA, signature)
    except InvalidSignature:
        return False
    return True


def test_the_one_right_form_is_accepted() -> None:
    assert signed(filled(GOOD)) == KEY.sign(DATA, padding.PKCS1v15(), SHA256())
    assert accepted(signed(filled(GOOD)))


@pytest.mark.parametrize(
    "message",
    [
        pytest.param(b"\0\1" + b"\xff" * 8 + b"\0" + GOOD + b"\0" * 194, id="rubbish after the digest"),
        pytest.param(b"\0\1" + b"\xff" * 194 + b"\0" + GOOD + b"\0" * 8, id="a little rubbish after the digest"),
        pytest.param(filled(b"\0" + GOOD), id="a zero before the digest's description"),
        pytest.param(filled(GOOD, kind=b"\2"), id="padding for encryption"),
        pytest.param(filled(GOOD, kind=b"\0"), id="padding without a kind"),
        pytest.param(filled(GOOD, fill=b"\xfe"), id="padding of other bytes"),
        pytest.param(b"\0\1\0" + GOOD.rjust(253, b"\0"), id="no padding"),
        pytest.param(b"\1" + filled(GOOD)[1:], id="a first byte that is not zero"),
        pytest.param(filled(WITHOUT_NULL), id="parameters left out"),
        pytest.param(filled(PARAMETERS), id="bytes hidden in the parameters"),
        pytest.param(filled(LONG_LENGTHS), id="a length written long"),
        pytest.param(filled(SHA512_NAMED), id="another hash named"),
        pytest.param(filled(DIGEST), id="the digest alone"),
        pytest.param(filled(GOOD[:-1] + bytes([GOOD[-1] ^ 1])), id="another digest"),
    ],
)
def test_every_other_form_is_refused(message: bytes) -> None:
    assert len(message) == 256
    assert not accepted(signed(message))


def test_a_signature_is_as_long_as_the_modulus() -> None:
    rs256 = ALGORITHMS["RS256"]
    texts = (b"%d" % number for number in range(10_000))
    made = ((text, KEY.sign(text, padding.PKCS1v15(), SHA256())) for text in texts)
    data, signature = next((text, found) for text, found in made if found[0] == 0)
    rs256.verify(KEY.public_key(), data, signature)
    for respelled in (signature[1:], b"\0" + signature):
        with pytest.raises(InvalidSignature):
            rs256.verify(KEY.public_key(), data, respelled)


def test_a_signature_is_smaller_than_the_modulus() -> None:
    good = int.from_bytes(signed(filled(GOOD)))
    assert not any(
        accepted((good + turn * MODULUS).to_bytes(256)) for turn in range(1, 3) if good + turn * MODULUS < 1 << 2048
    )
    assert not any(accepted(value.to_bytes(256)) for value in (0, 1, MODULUS - 1, MODULUS, MODULUS + 1))


@pytest.mark.parametrize("signature", [b"", b"\0", b"\0" * 256, b"\xff" * 256, b"\xff" * 255, b"\xff" * 1024])
def test_what_is_no_signature_at_all_is_refused(signature: bytes) -> None:
    assert not accepted(signature)
