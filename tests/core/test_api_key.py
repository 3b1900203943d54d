"""An API key has one text, and whatever was cut, mistyped or made up otherwise is refused by that text alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admit.core.api_key import PREFIX, parse_api_key, write_api_key
from admit.core.ids import new_id
from admit.core.secret import new_secret
from admit.errors import BadCredential
from admit.system import chance

ID = new_id("a", 1_800_000_000.0, chance)
SECRET = new_secret(chance)
TEXT = write_api_key(ID, SECRET)
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."


def test_a_key_reads_back_as_it_was_written_in_one_width() -> None:
    assert parse_api_key(TEXT) == (ID, SECRET)
    assert TEXT.startswith(f"{PREFIX}{ID}.{SECRET}")
    assert len(TEXT) == 78


def test_the_checksum_is_that_of_everybody() -> None:
    # CRC-32 (ISO 3309) in base64url: what scanners for leaked keys compute.
    assert write_api_key("0" * 22, "A" * 43)[-6:] == "-m-9WQ"


@given(st.integers(0, len(TEXT) - 1), st.sampled_from(LETTERS))
def test_one_letter_that_is_another_makes_it_none(place: int, letter: str) -> None:
    if TEXT[place] != letter:
        with pytest.raises(BadCredential):
            parse_api_key(TEXT[:place] + letter + TEXT[place + 1 :])


@given(st.integers(0, len(TEXT) - 1))
def test_a_key_that_was_cut_is_none(length: int) -> None:
    for text in (TEXT[:length], TEXT[length + 1 :], TEXT + TEXT[:length]):
        if text != TEXT:
            with pytest.raises(BadCredential):
                parse_api_key(text)


@given(st.text() | st.text(LETTERS, min_size=72, max_size=72).map(PREFIX.__add__))
def test_what_was_made_up_is_refused(text: str) -> None:
    with pytest.raises(BadCredential):
        parse_api_key(text)


@pytest.mark.parametrize("text", [TEXT.replace(".", ":"), TEXT + "\n", " " + TEXT, TEXT.replace("adm_k_", "adm_K_")])
def test_another_spelling_is_no_key(text: str) -> None:
    with pytest.raises(BadCredential):
        parse_api_key(text)


@pytest.mark.parametrize("letter", ["é", "\x00", "+", "/", "="])
def test_letters_that_a_key_never_has_are_refused_though_the_checksum_is_right(letter: str) -> None:
    for text in (write_api_key(letter + ID[1:], SECRET), write_api_key(ID, letter + SECRET[1:])):
        with pytest.raises(BadCredential):
            parse_api_key(text)
