"""A token says that an extension must be understood, and a careless verifier goes on without (JWT-03)."""

from __future__ import annotations

import pytest

from admit.core import jose
from admit.core.jwt import verify
from admit.core.secret import written
from admit.errors import BadCredential
from forge import NOW, RULES, claims, key, known, segment, token

OURS = key("ES256")


@pytest.mark.parametrize(
    "crit",
    [["exp"], ["b64"], ["http://example.com/UNDEFINED"], ["alg"], ["kid", "typ"], [], [""], [7], None, "exp", {}, 0],
)
def test_whatever_is_critical_is_refused(crit: object) -> None:
    with pytest.raises(BadCredential, match="extension"):
        verify(token(claims(), OURS, crit=crit, exp=1, b64=True), known(OURS), RULES, NOW)


@pytest.mark.parametrize("b64", [False, None, 0, "false", []])
def test_an_unencoded_payload_is_refused(b64: object) -> None:
    for critical in ({}, {"crit": ["b64"]}):
        with pytest.raises(BadCredential):
            verify(token(claims(), OURS, b64=b64, **critical), known(OURS), RULES, NOW)


def test_an_unencoded_payload_is_not_taken_for_an_encoded_one() -> None:
    # RFC 7797: what is signed is the payload as it stands; here it happens to be base64url.
    header = segment({"alg": "ES256", "typ": "x", "kid": OURS.kid, "b64": False})
    signed = f"{header}.{segment(claims())}"
    text = f"{signed}.{written(OURS.sign(signed.encode()))}"
    with pytest.raises(BadCredential):
        jose.verify(text, known(OURS), "x")
