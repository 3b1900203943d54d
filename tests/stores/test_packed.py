"""Bodies packed for stores in memory come back byte for byte, whatever they are, and those of sessions are small."""

from __future__ import annotations

import json
import secrets
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from admit.core.ids import new_id
from admit.core.refresh import Family
from admit.core.store import Record
from admit.errors import StoreError
from admit.sessions import SESSION, Cookie, Session
from admit.stores import redis_records
from admit.stores.packed import pack, unpack
from admit.system import chance

NOW = 1_795_332_338.5534353

texts = some.text(max_size=40) | some.from_regex(r"[A-Za-z0-9_-]{8,40}", fullmatch=True)
numbers = some.integers(-(1 << 60), 1 << 62) | some.floats(allow_nan=False, allow_infinity=False)
values = some.recursive(
    some.none() | some.booleans() | numbers | texts,
    lambda inner: some.lists(inner, max_size=12) | some.dictionaries(texts, inner, max_size=5),
    max_leaves=20,
)


@given(values, some.floats(allow_nan=False) | some.none())
def test_what_is_packed_comes_back(value: Any, expires_at: float | None) -> None:
    body = json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")
    packed = pack(body, "aid", "tag", expires_at)
    if packed is not None:
        assert len(packed) < len(body)
        assert unpack(packed, "aid", "tag", expires_at) == body


@given(some.binary(max_size=200), some.floats(allow_nan=False) | some.none(), some.frozensets(texts, max_size=5))
def test_any_body_comes_back(body: bytes, expires_at: float | None, tags: frozenset[str]) -> None:
    kept = Record("thing", "a1", body, 1, expires_at, frozenset("a" + tag for tag in tags))
    assert redis_records.read(kept.key, redis_records.written(kept)) == kept


@given(some.binary(max_size=60))
def test_what_was_never_packed_is_refused_or_is_some_value(packed: bytes) -> None:
    try:
        unpack(packed, "aid", "tag", NOW)
    except StoreError:
        return


@given(some.text(max_size=30) | some.from_regex(r"[0-9A-Za-z_-]{21}", fullmatch=True))
def test_no_two_ids_have_one_name(text: str) -> None:
    assert redis_records.id_of("a", redis_records.rest("a" + text)) == "a" + text


def test_ids_of_ours_are_named_in_their_order() -> None:
    ids = [new_id("a", NOW + second, chance) for second in range(50)]
    assert sorted(ids, key=redis_records.rest) == ids


@pytest.mark.parametrize("refreshed, most", [(False, 66), (True, 122)], ids=["cookie", "family"])
def test_a_session_takes_a_third_of_its_json(refreshed: bool, most: int) -> None:
    digest = secrets.token_bytes
    family = Family(key_id="abcdefgh", counter=3, current=digest(16), previous=digest(16), rotated_at=NOW + 3.3)
    session = Session(
        id=new_id("a", NOW, chance), subject="ann", gen=int(NOW) << 20 | 3, created_at=NOW, authenticated_at=NOW,
        methods=("pwd",), seen_at=NOW, idle=3600.0, ends_at=NOW + 86_400, cookie=Cookie(1, digest(16)),
        family=family if refreshed else None, device="Firefox/Linux",
    )  # fmt: skip
    packed = pack(SESSION.encode(session), session.id, "ann", session.ends_at)
    # Whoever adds a field to Session adds it to the shapes of packed.py, or it is written out by name.
    assert packed is not None
    assert len(packed) <= most
