"""An encrypted token, or a token within a token, passes for a signed one (JWT-10)."""

from __future__ import annotations

import joserfc.jwe
import joserfc.jwk
import pytest

from admit.core.jwt import mint, verify
from admit.core.secret import written
from admit.errors import BadCredential
from forge import CLAIMS, NOW, RULES, claims, key, known, segment, token

OURS = key("RS256")
KEYS = known(OURS)


def refused(text: str) -> None:
    with pytest.raises(BadCredential):
        verify(text, KEYS, RULES, NOW)


@pytest.mark.parametrize("inside", [mint(CLAIMS, OURS), segment(claims()), segment({"alg": "none"}) + ".e30."])
def test_what_anybody_can_encrypt_to_us_is_not_signed_by_us(inside: str) -> None:
    public = joserfc.jwk.RSAKey.import_key({**(OURS.verifying().jwk() or {}), "use": "enc", "alg": "RSA-OAEP"})
    header = {"alg": "RSA-OAEP", "enc": "A128GCM", "cty": "at+jwt", "typ": "at+jwt", "kid": OURS.kid}
    refused(joserfc.jwe.encrypt_compact(header, inside.encode(), public))


def test_a_token_within_a_token_is_not_unpacked() -> None:
    inner = mint(CLAIMS, OURS)
    for cty in ("JWT", "jwt", "at+jwt", "application/at+jwt"):
        refused(token(inner, OURS, cty=cty))
        refused(token(f'"{inner}"', OURS, cty=cty))


def test_an_outer_signature_does_not_stand_for_the_inner_one() -> None:
    forged = token(claims(sub="admin"), key("RS256", "a stranger's"), kid=OURS.kid)
    refused(token(forged, OURS, cty="JWT"))
    head, body, signature = mint(CLAIMS, OURS).split(".")
    refused(f"{head}.{written(f'{head}.{body}.{signature}'.encode())}.{signature}")
