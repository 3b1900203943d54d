"""What is accepted as a password, what of it is hashed, and what a hash costs at least."""

from __future__ import annotations

import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admit.core.password import (
    OWASP_2024,
    RFC_9106_LOW_MEMORY,
    SINGLE_FACTOR,
    WITH_SECOND_FACTOR,
    HashParameters,
    PasswordPolicy,
    effort,
)
from admit.errors import BadInput, ConfigError, StoreError

UNASSIGNED = next(chr(point) for point in range(0x378, sys.maxunicode) if unicodedata.category(chr(point)) == "Cn")


def test_fifteen_characters_suffice_and_fourteen_do_not() -> None:
    assert SINGLE_FACTOR.judge("x" * 15) == b"x" * 15
    with pytest.raises(BadInput) as refused:
        SINGLE_FACTOR.judge("x" * 14)
    assert (refused.value.code, refused.value.field) == ("password_too_short", "password")
    assert "15" in refused.value.public


def test_with_a_second_factor_eight_characters_suffice() -> None:
    assert WITH_SECOND_FACTOR.judge("x" * 8) == b"x" * 8
    with pytest.raises(BadInput):
        WITH_SECOND_FACTOR.judge("x" * 7)


def test_characters_are_counted_not_bytes() -> None:
    assert SINGLE_FACTOR.judge("🔑" * 15) == "🔑".encode() * 15


def test_length_counts_after_normalisation() -> None:
    # Fifteen code points that NFKC composes to five.
    with pytest.raises(BadInput):
        SINGLE_FACTOR.judge("\u1112\u1161\u11ab" * 5)


@pytest.mark.parametrize(
    "password", ["             15+", "пароль из слов ок", "aaaaaaaaaaaaaaaa", "it's; -- <b>no</b>"]
)
def test_nothing_but_length_is_asked_of_a_password(password: str) -> None:
    assert SINGLE_FACTOR.judge(password) == password.encode()


def test_the_same_password_typed_on_another_system_is_the_same() -> None:
    typed = "Ångström straße №"
    assert SINGLE_FACTOR.judge(unicodedata.normalize("NFD", typed)) == SINGLE_FACTOR.prepare(
        unicodedata.normalize("NFC", typed)
    )


def test_a_password_of_1024_bytes_is_taken_and_one_more_is_not() -> None:
    assert len(SINGLE_FACTOR.judge("x" * 1_024)) == 1_024
    assert len(SINGLE_FACTOR.judge("é" * 512)) == 1_024
    for long in ("x" * 1_025, "é" * 513, "\ufdfa" * 60):  # U+FDFA has 3 bytes; NFKC writes it with 33
        with pytest.raises(BadInput) as refused:
            SINGLE_FACTOR.prepare(long)
        assert refused.value.code == "password_too_long"


def test_a_character_that_unicode_has_not_assigned_yet_is_refused_when_chosen_and_not_when_presented() -> None:
    password = "fifteen and more " + UNASSIGNED
    assert SINGLE_FACTOR.prepare(password) == password.encode()
    with pytest.raises(BadInput) as refused:
        SINGLE_FACTOR.judge(password)
    assert refused.value.code == "bad_password"


def test_half_a_surrogate_pair_is_refused() -> None:
    with pytest.raises(BadInput) as refused:
        SINGLE_FACTOR.prepare("\ud83d fifteen and more")
    assert refused.value.code == "bad_password"


@given(st.text(st.characters(codec=None, exclude_categories=()), max_size=1_200))
def test_any_text_is_prepared_or_refused_and_preparing_is_stable(password: str) -> None:
    try:
        prepared = SINGLE_FACTOR.prepare(password)
    except BadInput:
        return
    assert len(prepared) <= SINGLE_FACTOR.max_bytes
    assert SINGLE_FACTOR.prepare(prepared.decode()) == prepared


def test_a_wrong_policy_names_all_its_faults_at_once() -> None:
    with pytest.raises(ConfigError) as refused:
        PasswordPolicy(min_length=7, max_bytes=72)
    assert len(refused.value.faults) == 2
    assert all("write" in fault for fault in refused.value.faults)


def test_64_characters_of_any_script_fit_into_every_policy() -> None:
    assert len(PasswordPolicy(max_bytes=256).judge("🔑" * 64)) == 256


@pytest.mark.parametrize("memory, passes", [(47_104, 1), (19_456, 2), (12_288, 3), (9_216, 4), (7_168, 5)])
def test_what_owasp_calls_equivalent_is_enough_and_a_little_less_is_not(memory: int, passes: int) -> None:
    HashParameters(memory=memory, passes=passes)
    with pytest.raises(ConfigError):
        HashParameters(memory=memory - 1, passes=passes)
    with pytest.raises(ConfigError):
        HashParameters(memory=memory, passes=passes - 1)


def test_wrong_hash_parameters_name_all_their_faults_at_once() -> None:
    with pytest.raises(ConfigError) as refused:
        HashParameters(memory=5_000_000, passes=0, lanes=0)
    assert len(refused.value.faults) == 3
    with pytest.raises(ConfigError) as refused:
        HashParameters(memory=19_456, passes=101)
    assert len(refused.value.faults) == 1


def test_the_named_parameters_are_those_of_their_references() -> None:
    assert (OWASP_2024.memory, OWASP_2024.passes, OWASP_2024.lanes) == (19 * 1_024, 2, 1)
    assert (RFC_9106_LOW_MEMORY.memory, RFC_9106_LOW_MEMORY.passes, RFC_9106_LOW_MEMORY.lanes) == (64 * 1_024, 3, 4)


def test_the_effort_of_a_hash_is_read_from_its_phc_string() -> None:
    phc = "$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHRzb21lc2FsdA$1Fl4d6b7Y0MB1EgsLhPA6yIkQ8v9u0ycYt1mZ9XbPSg"
    assert effort(phc) == (65_536, 3)


@pytest.mark.parametrize(
    "phc",
    [
        "",
        "x" * 15,
        "$argon2i$v=19$m=65536,t=3,p=4$c29tZXNhbHRzb21lc2FsdA$1Fl4d6b7Y0MB1EgsLhPA6yIkQ8v9u0ycYt1mZ9XbPSg",
        "$argon2id$v=16$m=65536,t=3,p=4$c29tZXNhbHRzb21lc2FsdA$1Fl4d6b7Y0MB1EgsLhPA6yIkQ8v9u0ycYt1mZ9XbPSg",
        "$argon2id$v=19$m=65536,t=0,p=4$c29tZXNhbHRzb21lc2FsdA$1Fl4d6b7Y0MB1EgsLhPA6yIkQ8v9u0ycYt1mZ9XbPSg",
        "$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHRzb21lc2FsdA$1Fl4d6b7Y0MB1EgsLhPA6yIkQ8v9u0ycYt1mZ9XbPSg\n",
    ],
)
def test_what_is_no_argon2id_hash_is_a_fault_of_the_store(phc: str) -> None:
    with pytest.raises(StoreError):
        effort(phc)
