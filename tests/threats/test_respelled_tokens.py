"""One token in several spellings slips past whatever compares it as text, and two readers see two tokens (JWT-05)."""

from __future__ import annotations

import json

import pytest

from admit.core import jose
from admit.core.jwt import mint, verify
from admit.core.secret import written
from admit.errors import BadCredential
from forge import CLAIMS, NOW, RULES, claims, key, known, segment, token

OURS = key("HS256")
KEYS = known(OURS)
GOOD = mint(CLAIMS, OURS)
HEAD, BODY, SIGNATURE = GOOD.split(".")
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def refused(text: str) -> None:
    with pytest.raises(BadCredential):
        verify(text, KEYS, RULES, NOW)


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("added", ["=", "==", " ", "\n", "\t", "\0", "%3D", "????", "    ", "é", "\ud800", "A", "?"])
def test_nothing_may_stand_around_a_part(added: str, place: int) -> None:
    parts = GOOD.split(".")
    for spelled in (parts[place] + added, added + parts[place]):
        refused(".".join([*parts[:place], spelled, *parts[place + 1 :]]))


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "..",
        "...",
        HEAD,
        f"{HEAD}.{BODY}",
        f"{HEAD}.{BODY}.",
        f"{HEAD}..{SIGNATURE}",
        f".{BODY}.{SIGNATURE}",
        f"{GOOD}.",
        f".{GOOD}",
        f"{GOOD}.{SIGNATURE}",
        f"{HEAD}.{BODY}..{SIGNATURE}",
        f"{HEAD}.{BODY}.{SIGNATURE}.{SIGNATURE}.{SIGNATURE}",
        json.dumps({"protected": HEAD, "payload": BODY, "signature": SIGNATURE}),
        json.dumps({"payload": BODY, "signatures": [{"protected": HEAD, "signature": SIGNATURE}]}),
        f"Bearer {GOOD}",
    ],
)
def test_a_token_has_three_parts(text: str) -> None:
    refused(text)


def test_two_parts_signed_as_three_are_refused() -> None:
    # The payload is not empty, it is not there.
    with pytest.raises(BadCredential):
        jose.verify_compact(f"{HEAD}.{written(OURS.sign(HEAD.encode()))}", OURS.verifying())


def test_stray_bits_and_the_other_alphabet_are_refused_in_the_signature() -> None:
    last = ALPHABET.index(SIGNATURE[-1])
    assert last % 4 == 0  # 256 bits end on the fourth of six
    for stray in range(1, 4):
        refused(GOOD[:-1] + ALPHABET[last + stray])
    dashed = next(text for n in range(99) if {"-", "_"} & set((text := token(claims(jti=f"t{n}"), OURS))[-43:]))
    signed, _, signature = dashed.rpartition(".")
    assert verify(dashed, KEYS, RULES, NOW).sub == "ann"
    refused(f"{signed}.{signature.replace('-', '+').replace('_', '/')}")


@pytest.mark.parametrize(
    "payload",
    [
        json.dumps(claims())[:-1] + ', "sub": "admin"}',
        '{"sub": "admin", ' + json.dumps(claims())[1:],
        json.dumps(claims())[:-1] + ', "s\\u0075b": "admin"}',
        json.dumps(claims(x={}))[:-2] + '{"a": 1, "a": 2}}',
    ],
)
def test_a_claim_that_is_said_twice_is_refused(payload: str) -> None:
    refused(token(payload, OURS))


@pytest.mark.parametrize(
    "header",
    [
        '{"alg":"HS256","typ":"at+jwt","kid":"KID","alg":"HS256"}',
        '{"alg":"none","typ":"at+jwt","kid":"KID","alg":"HS256"}',
        '{"kid":"x","alg":"HS256","typ":"at+jwt","kid":"KID"}',
        '{"typ":"JWT","alg":"HS256","typ":"at+jwt","kid":"KID"}',
    ],
)
def test_a_header_that_says_something_twice_is_refused(header: str) -> None:
    refused(token(claims(), OURS, header.replace("KID", OURS.kid)))


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-le", "utf-32", "utf-8-sig"])
def test_claims_are_utf_8(codec: str) -> None:
    refused(token(json.dumps(claims(sub="añn"), ensure_ascii=False).encode(codec), OURS))


def test_claims_that_are_broken_utf_8_are_refused_wherever_they_stand() -> None:
    good = json.dumps(claims(sub="SUB", more="MORE")).encode()
    for place in (b"SUB", b"MORE", b"more"):
        for broken in (b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf5\x80\x80\x80"):
            refused(token(good.replace(place, broken), OURS))


def test_a_segment_is_what_the_tests_think() -> None:
    assert f"{segment({'alg': 'HS256', 'typ': 'at+jwt', 'kid': OURS.kid})}.{segment(claims())}" == f"{HEAD}.{BODY}"
