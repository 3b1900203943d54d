"""Bodies carry their version: old ones are brought up to date, newer and broken ones are told apart."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from admit.core.codec import Codec
from admit.core.store import Record
from admit.errors import StoreError


class Thing(msgspec.Struct, frozen=True, omit_defaults=True):
    name: str = ""
    digest: bytes = b""
    parts: tuple[str, ...] = ()
    at: float | None = None


class Empty(msgspec.Struct, frozen=True):
    pass


ONE = Codec("thing", Thing)


def _named(fields: dict[str, Any]) -> dict[str, Any]:
    return {"name": fields.pop("title"), **fields}


def _parted(fields: dict[str, Any]) -> dict[str, Any]:
    return {"parts": [fields["part"]], **fields}


THREE = Codec("thing", Thing, version=3, upcasters={1: _named, 2: _parted})


def record(body: bytes) -> Record:
    return Record("thing", "a", body, 1)


things = st.builds(
    Thing,
    name=st.text(st.characters(exclude_categories=["Cs"])),
    digest=st.binary(),
    parts=st.lists(st.sampled_from("abc")).map(tuple),
    at=st.none() | st.floats(allow_nan=False, allow_infinity=False),
)


@given(things)
def test_a_value_comes_back_as_it_was(thing: Thing) -> None:
    for codec in (ONE, THREE):
        assert codec.decode(record(codec.encode(thing))) == thing


def test_a_body_is_json_that_begins_with_its_version() -> None:
    assert THREE.encode(Thing("x")) == b'{"v":3,"name":"x"}'
    assert THREE.encode(Thing()) == b'{"v":3}'
    assert Codec("empty", Empty).encode(Empty()) == b'{"v":1}'


def test_an_old_body_is_brought_up_step_by_step_with_its_bytes() -> None:
    assert THREE.decode(record(b'{"v":1,"title":"x","part":"p","digest":"AAEC"}')) == Thing("x", b"\0\1\2", ("p",))
    assert THREE.decode(record(b'{"v":2,"name":"x","part":"p"}')) == Thing("x", parts=("p",))


@pytest.mark.parametrize(
    "body, words",
    [
        (b'{"v":4,"name":"x"}', "newer Admit"),
        (b'{"v":0}', "cannot read any more"),
        (b"{}", "cannot read any more"),
        (b"", "cannot be read"),
        (b"\xff", "cannot be read"),
        (b'{"v":3,"name":"\xff"}', "cannot be read"),
        (b'{"v":2,"part":1}', "cannot be read"),
        (b'{"v":3,"name":1}', "cannot be read"),
        (b'{"v":"3"}', "cannot be read"),
        (b"[]", "cannot be read"),
    ],
)
def test_what_cannot_be_read_is_a_fault_of_the_store_and_says_which(body: bytes, words: str) -> None:
    with pytest.raises(StoreError, match=words):
        THREE.decode(record(body))


@given(st.binary())
def test_any_bytes_are_a_value_or_a_fault_of_the_store(body: bytes) -> None:
    try:
        assert isinstance(ONE.decode(record(body)), Thing)
    except StoreError:
        return
