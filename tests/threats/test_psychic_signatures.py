"""A signature of zeros, or in another form, is taken for a good one (JWT-04, CVE-2022-21449)."""

from __future__ import annotations

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from admit.core.algorithms import ALGORITHMS
from admit.core.jwt import mint, verify
from admit.core.secret import written
from admit.core.strict import base64url
from admit.errors import BadCredential
from forge import ALGS, CLAIMS, NOW, RULES, key, known

ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
EDGES = [0, 1, ORDER - 1, ORDER, ORDER + 1, (1 << 256) - 1]
SIGNED, _, SIGNATURE = mint(CLAIMS, key("ES256")).rpartition(".")
GOOD = base64url(SIGNATURE)
R, S = int.from_bytes(GOOD[:32]), int.from_bytes(GOOD[32:])


def refused(signature: bytes) -> None:
    with pytest.raises(BadCredential, match="signature"):
        verify(f"{SIGNED}.{written(signature)}", known(key("ES256")), RULES, NOW)


@pytest.mark.parametrize("s", EDGES)
@pytest.mark.parametrize("r", EDGES)
def test_numbers_at_the_edge_of_the_range_are_no_signature(r: int, s: int) -> None:
    refused(r.to_bytes(32) + s.to_bytes(32))


def test_numbers_out_of_range_never_reach_the_library() -> None:
    class Gullible:
        """A library with the fault: it takes every signature for good."""

        def verify(self, *_: object) -> None:
            """Agree."""

    es256, fooled = ALGORITHMS["ES256"], Gullible()
    es256.verify(fooled, b"", GOOD)
    for r, s in ((0, 0), (0, 1), (1, 0), (ORDER, 1), (1, ORDER), (ORDER, ORDER)):
        with pytest.raises(InvalidSignature):
            es256.verify(fooled, b"", r.to_bytes(32) + s.to_bytes(32))


@pytest.mark.parametrize(
    "signature",
    [
        b"",
        GOOD[:63],
        GOOD + b"\0",
        b"\0" + GOOD,
        GOOD[:32],
        GOOD * 2,
        b"\0" + GOOD[:32] + b"\0" + GOOD[32:],
        GOOD[:32] + b"\0" + GOOD[32:],
        encode_dss_signature(R, S),
    ],
    ids=["none", "short", "long", "shifted", "half", "twice", "padded", "padded s", "DER"],
)
def test_a_signature_has_64_bytes(signature: bytes) -> None:
    refused(signature)


@pytest.mark.parametrize("alg", ALGS)
def test_bytes_of_one_kind_are_no_signature(alg: str) -> None:
    signed, _, good = mint(CLAIMS, key(alg)).rpartition(".")
    size = len(base64url(good))
    for byte in (b"\0", b"\1", b"\xff"):
        for length in (0, 1, size - 1, size, size + 1):
            with pytest.raises(BadCredential):
                verify(f"{signed}.{written(byte * length)}", known(key(alg)), RULES, NOW)
