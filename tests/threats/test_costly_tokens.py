"""A token that costs more to refuse than to send: endless, deep, packed, or with a password to stretch (JWT-08)."""

from __future__ import annotations

import json
import tracemalloc

import pytest

from admit.core import jose, strict
from admit.core.jwt import verify
from admit.errors import BadCredential
from forge import NOW, RULES, claims, key, known, segment, token

OURS = key("HS256")
KEYS = known(OURS)


def refused(text: str) -> str:
    with pytest.raises(BadCredential) as found:
        verify(text, KEYS, RULES, NOW)
    return str(found.value)


@pytest.mark.parametrize("text", ["a", ".", "eyJ", "é", "\ud800", "a.b.c."])
def test_ten_megabytes_are_refused_unread(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sent = (text * 10_000_000)[:10_000_000]

    def touched(*_: object) -> bytes:
        raise AssertionError("it was read")

    monkeypatch.setattr(strict, "base64url", touched)
    tracemalloc.start()
    try:
        assert "10000000 characters" in refused(sent)
        assert tracemalloc.get_traced_memory()[1] < 100_000  # nothing was copied either
    finally:
        tracemalloc.stop()


def test_the_longest_token_is_read_and_one_character_more_is_not() -> None:
    size = jose.MAX_LENGTH
    longest = next(
        text for pad in range(size // 2, size) if len(text := token(claims(more="x" * pad), OURS)) >= size - 1
    )
    assert len(longest) <= size
    assert verify(longest, KEYS, RULES, NOW).sub == "ann"
    assert "characters" in refused(longest + "A" * (size + 1 - len(longest)))


@pytest.mark.parametrize("deep", ["[" * 5_000 + "]" * 5_000, '{"a":' * 1_500 + "1" + "}" * 1_500, "[" * 9_000])
def test_deep_nesting_is_refused_in_header_and_claims(deep: str) -> None:
    refused(token(json.dumps(claims(more="HERE")).replace('"HERE"', deep), OURS))
    header = json.dumps({"alg": "HS256", "typ": "at+jwt", "kid": OURS.kid, "x": "HERE"})
    refused(token(claims(), OURS, header.replace('"HERE"', deep)))


def test_nothing_is_decrypted_stretched_or_unpacked() -> None:
    for header in (
        {"alg": "PBES2-HS256+A128KW", "enc": "A128GCM", "p2c": 2**31 - 1, "p2s": "AAAA"},
        {"alg": "dir", "enc": "A128GCM", "zip": "DEF"},
        {"alg": "RSA-OAEP", "enc": "A256GCM"},
    ):
        sent = segment(header | {"kid": OURS.kid, "typ": "at+jwt"})
        for rest in (".AAAA.AAAA.AAAA.AAAA", "....", ".AAAA.AAAA"):
            refused(sent + rest)
    assert b"DEF" in jose.verify(token("DEF", OURS, zip="DEF"), KEYS, "at+jwt")


def test_headers_that_nobody_signed_are_not_kept_without_end() -> None:
    for number in range(2_000):
        refused(f"{segment({'alg': 'HS256', 'typ': 'at+jwt', 'kid': f'k{number}'})}.e30.AAAA")
    kept = jose._header.cache_info()
    assert kept.maxsize is not None
    assert kept.currsize <= kept.maxsize <= 1_000
