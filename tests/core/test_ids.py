"""Ids say where they live and when they were made, and names that would mean something else are refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admit.core.ids import HOMES, LENGTH, anchor, home_of, is_id, new_id, newest_first_id, random_home, subject_id
from admit.errors import BadInput
from admit.system import chance

home = st.sampled_from(HOMES)
moments = st.floats(0, 3_000_000_000)  # 42 bits of milliseconds last until 2109


@given(home, moments)
def test_a_new_id_has_the_form_of_one_and_begins_with_its_home(home: str, now: float) -> None:
    id = new_id(home, now, chance)
    assert is_id(id)
    assert id[0] == home


@given(moments, st.floats(0.001, 1e9))
def test_ids_of_one_home_sort_by_the_time_they_were_made(now: float, later: float) -> None:
    assert new_id("a", now, chance) < new_id("a", now + later + 0.001, chance)


@given(moments, st.floats(0.001, 1e9))
def test_ids_that_are_to_come_newest_first_sort_against_the_time(now: float, later: float) -> None:
    newer, older = (newest_first_id("a", moment, chance) for moment in (now + later + 0.001, now))
    assert newer < older
    assert is_id(newer)


def test_two_ids_of_one_moment_differ_by_84_bits_of_chance() -> None:
    no, all = new_id("a", 0, bytes), new_id("a", 0, lambda size: b"\xff" * size)
    assert (no, all) == ("a" + HOMES[0] * 21, "a" + HOMES[0] * 7 + HOMES[63] * 14)


@pytest.mark.parametrize("text", ["", "a" * (LENGTH - 1), "a" * (LENGTH + 1), "a" * (LENGTH - 1) + "é", "a/" * 11])
def test_what_is_no_id_is_not_taken_for_one(text: str) -> None:
    assert not is_id(text)


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_text_has_one_home_and_its_record_lives_there(text: str) -> None:
    assert anchor(text) == home_of(text) + text
    assert home_of(text) in HOMES


def test_homes_are_64_and_sort_as_their_ids_do() -> None:
    assert len(set(HOMES)) == 64
    assert list(HOMES) == sorted(HOMES)
    assert {random_home(lambda _, n=n: bytes([n])) for n in range(256)} == set(HOMES)


@pytest.mark.parametrize("text", ["ann", "ann@example.com", "é" * 64, "a b", "x" * 128, "C:x", "**"])
def test_a_subject_has_the_applications_own_name(text: str) -> None:
    assert subject_id(text) == text


@pytest.mark.parametrize(
    "text", ["", "x" * 129, "é" * 65, "a\nb", "a\x00", "\ud800", "\u202eann", "*", "c:web", "c:", "\N{SOFT HYPHEN}"]
)
def test_a_name_that_lies_about_itself_is_no_subjects(text: str) -> None:
    with pytest.raises(BadInput) as refused:
        subject_id(text)
    assert (refused.value.code, refused.value.field) == ("bad_subject", "subject")
