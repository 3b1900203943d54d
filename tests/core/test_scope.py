"""Scopes only ever narrow."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admit.core.scope import MAX_SCOPE_LENGTH, RoleScopes, narrowed, parse, written
from admit.errors import BadInput, ConfigError

words = st.sampled_from(["links:read", "links:write", "users:write", "a", "!", "~"])
scopes = st.frozensets(words)


@given(scopes)
def test_a_scope_reads_back_as_it_was_written(scope: frozenset[str]) -> None:
    assert parse(written(scope)) == scope


@given(scopes, st.none() | scopes)
def test_asking_never_gives_more_than_is_held(held: frozenset[str], asked: frozenset[str] | None) -> None:
    text = None if asked is None else written(asked)
    if asked is None or asked <= held:
        assert narrowed(held, text) == (held if asked is None else asked)
    else:
        with pytest.raises(BadInput):
            narrowed(held, text)


@given(st.text())
def test_any_text_is_a_scope_or_refused(text: str) -> None:
    try:
        scope = parse(text)
    except BadInput:
        return
    assert all("!" <= letter <= "~" and letter not in '"\\' for token in scope for letter in token)


@pytest.mark.parametrize(
    "text", [" ", " a", "a ", "a  b", "a\tb", 'a"', "a\\", "é", "a\x7f", "x" * (MAX_SCOPE_LENGTH + 1)]
)
def test_what_rfc_6749_does_not_allow_is_refused(text: str) -> None:
    with pytest.raises(BadInput):
        parse(text)


def test_asking_for_nothing_gives_nothing() -> None:
    assert narrowed(frozenset({"a"}), "") == frozenset()


def test_roles_allow_together_what_each_of_them_does_and_an_unknown_one_nothing() -> None:
    scopes = RoleScopes({"user": "a b", "admin": "b c", "guest": ""})
    assert scopes.of(["user", "admin"]) == {"a", "b", "c"}
    assert scopes.of(["guest", "nobody"]) == scopes.of([]) == frozenset()


def test_every_bad_role_is_reported_at_once() -> None:
    with pytest.raises(ConfigError) as wrong:
        RoleScopes({"user": 'a "b"', "fine": "a", "admin": " "})
    assert len(wrong.value.faults) == 2
    assert "'user'" in wrong.value.faults[0]
    assert "'admin'" in wrong.value.faults[1]
