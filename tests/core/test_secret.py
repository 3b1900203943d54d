"""Secrets are made of chance, kept as digests, and derived one per purpose from one master secret."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admit.core.secret import (
    DIGEST_BYTES,
    KEY_ID_DIGITS,
    MIN_MASTER_BYTES,
    SECRET_DIGITS,
    Master,
    digest,
    new_secret,
    same,
    written,
)
from admit.errors import ConfigError, StoreError
from admit.system import chance

OLD, NEW = bytes(32), bytes(range(32))


def test_a_secret_has_256_bits_in_43_characters() -> None:
    assert new_secret(bytes) == "A" * SECRET_DIGITS
    assert len({new_secret(chance) for _ in range(100)}) == 100


def test_what_is_kept_of_a_secret_is_half_its_sha256() -> None:
    assert digest("x") == hashlib.sha256(b"x").digest()[:DIGEST_BYTES]
    assert same(digest("x"), digest("x"))
    assert not same(digest("x"), digest("y"))
    assert not same(digest("x"), b"")


def test_every_purpose_and_every_master_secret_has_keys_of_its_own() -> None:
    one, other = Master([OLD]), Master([NEW])
    keys = [master.key(purpose) for master in (one, other) for purpose in ("refresh mac", "refresh chain", "seal x")]
    assert len(set(keys)) == 6
    assert one.key("refresh mac") == Master([OLD, NEW]).key("refresh mac")


def test_the_first_serves_what_is_new_and_all_serve_what_is_old() -> None:
    before, after = Master([OLD]), Master([NEW, OLD])
    assert after.current != before.current
    assert after.key("x", before.current) == before.key("x")
    assert after.unseal(before.seal(b"plain", "x", chance), "x") == b"plain"
    assert after.seal(b"plain", "x", chance).startswith(f"{after.current}.")
    assert len(after.current) == KEY_ID_DIGITS


def test_a_master_secret_that_was_taken_out_opens_nothing_any_more() -> None:
    gone, now = Master([OLD]), Master([NEW])
    assert now.key("x", gone.current) is None
    with pytest.raises(StoreError, match="not in the list"):
        now.unseal(gone.seal(b"plain", "x", chance), "x")


def test_what_was_sealed_for_one_purpose_opens_for_no_other() -> None:
    master = Master([NEW])
    with pytest.raises(StoreError, match="altered"):
        master.unseal(master.seal(b"plain", "x", chance), "y")


@given(st.binary(), st.integers(0), st.sampled_from("Aa0-_.é\ud800"))
def test_a_sealed_text_with_one_character_changed_does_not_open(plain: bytes, place: int, letter: str) -> None:
    master = Master([NEW])
    sealed = master.seal(plain, "x", chance)
    assert master.unseal(sealed, "x") == plain
    # The last character may hold bits that no byte needs.
    place %= len(sealed) - 1
    # What is drawn must not depend on a text that is new each time.
    other = letter if letter != sealed[place] else "B"
    with pytest.raises(StoreError):
        master.unseal(sealed[:place] + other + sealed[place + 1 :], "x")


@given(st.text())
def test_any_text_that_was_not_sealed_is_a_fault_of_the_store(text: str) -> None:
    master = Master([NEW])
    for sealed in (text, f"{master.current}.{text}"):
        with pytest.raises(StoreError):
            master.unseal(sealed, "x")


def test_a_locked_master_serves_once_it_is_unlocked() -> None:
    master = Master()
    locked = [master.locked]
    master.unlock([NEW])
    assert [*locked, master.locked] == [True, False]
    assert master.key("x") == Master([NEW]).key("x")


def test_all_secrets_that_are_too_short_are_reported_at_once() -> None:
    with pytest.raises(ConfigError) as wrong:
        Master([b"short", NEW, b"x" * (MIN_MASTER_BYTES - 1)])
    assert [fault.split(" has ")[0] for fault in wrong.value.faults] == ["Master secret 1", "Master secret 3"]
    assert "short" not in str(wrong.value)
    with pytest.raises(ConfigError, match="no master secret"):
        Master([])


@given(st.binary())
def test_bytes_are_written_in_the_alphabet_of_urls(data: bytes) -> None:
    assert set(written(data)) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
