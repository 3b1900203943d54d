"""One text, one meaning: base64url and JSON as strangers may write them."""

from __future__ import annotations

import base64
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from admit.core import strict

ANYTHING = msgspec.json.Decoder(dict[str, Any])
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def canonical(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@given(st.binary())
def test_what_was_written_is_read(data: bytes) -> None:
    assert strict.base64url(canonical(data)) == data


@given(st.text(ALPHABET + "+/= \n.\x00é"))
def test_bytes_have_one_spelling(text: str) -> None:
    try:
        data = strict.base64url(text)
    except ValueError:
        return
    assert canonical(data) == text


@pytest.mark.parametrize("text", ["A", "AB", "AAB", "AA==", "AAA=", "A A", "AA\n", "++++", "////", "ÄÄÄÄ", "A.AA"])
def test_other_spellings_are_refused(text: str) -> None:
    with pytest.raises(ValueError):
        strict.base64url(text)


@pytest.mark.parametrize(
    "data",
    [
        b'{"a":1,"a":1}',
        b'{"a":1,"\\u0061":2}',
        b'{"a":{"b":1,"b":2}}',
        b'{"a":[{"b":1,"b":2}]}',
        b'{"a":"\xff"}',
        b'{"a":"\xed\xa0\x80"}',
        b'\xef\xbb\xbf{"a":1}',
        '{"a":1}'.encode("utf-16"),
        b'{"a":NaN}',
        b'{"a":1}{"a":1}',
        b"[1]",
        b"",
        b'{"a":' + b"[" * 9_000 + b"]" * 9_000 + b"}",
        b'{"a":' + b"9" * 5_000 + b" }",
    ],
)
def test_json_that_two_readers_may_read_differently_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError):
        strict.decoded(data, ANYTHING)


@pytest.mark.parametrize("data", [b"{}", b' { "a" : 1 } ', b'{"a":{"b":1},"c":{"b":1}}', '{"é":1}'.encode()])
def test_json_may_be_laid_out_as_one_likes(data: bytes) -> None:
    assert strict.decoded(data, ANYTHING) == json.loads(data)


@given(st.binary())
def test_any_bytes_are_a_value_or_a_value_error(data: bytes) -> None:
    try:
        strict.decoded(data, ANYTHING)
    except ValueError:
        return
    assert data.decode().strip().startswith("{")
