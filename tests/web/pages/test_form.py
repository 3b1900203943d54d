"""Forms are read as browsers write them, and in no other way."""

from __future__ import annotations

from contextlib import suppress
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admit.errors import BadInput
from admit.web.pages.form import MAX_FORM_BYTES, parsed

NAMES = ("email", "password")


@given(st.dictionaries(st.sampled_from(NAMES), st.text(max_size=100)))
def test_what_a_browser_writes_is_what_was_typed(typed: dict[str, str]) -> None:
    assert (
        parsed(urlencode(typed, encoding="utf-8", errors="strict").encode(), NAMES) == dict.fromkeys(NAMES, "") | typed
    )


@given(st.binary(max_size=200))
def test_any_bytes_are_a_form_or_refused(body: bytes) -> None:
    with suppress(BadInput):
        assert parsed(body, NAMES).keys() == set(NAMES)


@pytest.mark.parametrize(
    "body",
    [b"email=a&email=b", b"email=a&role=admin", b"email", b"email=a=b", b"email=%zz", b"email=%8", b"email=%ff", b"email=\xff",
     b"email=a&", b"&", b"=a", b"email=a;password=b", b"email[]=a", b"email=" + b"a" * MAX_FORM_BYTES],
)  # fmt: skip
def test_what_two_readers_could_read_differently_is_refused(body: bytes) -> None:
    with pytest.raises(BadInput):
        parsed(body, NAMES)
