"""Bodies packed for stores in memory come back byte for byte, whatever they are, and those of sessions are small."""

from __future__ import annotations

import json
import secrets
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from admit.api_keys import API_KEY, ApiKey
from admit.core import audit, device
from admit.core.ids import anchor, home_of, new_id, newest_first_id
from admit.core.refresh import Family
from admit.core.session_cookie import Cookie
from admit.core.store import Record
from admit.core.throttle import Limit
from admit.errors import StoreError
from admit.sessions import SESSION, Session
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


@given(some.text(max_size=30) | some.from_regex(r"[0-9A-Za-z_-]{21,22}", fullmatch=True))
def test_no_two_ids_have_one_name(text: str) -> None:
    assert redis_records.id_of("a", redis_records.rest("a" + text)) == "a" + text


def test_ids_of_ours_are_named_in_their_order() -> None:
    ids = [new_id("a", NOW + second, chance) for second in range(50)]
    assert sorted(ids, key=redis_records.rest) == ids
    accounts = [anchor(id) for id in ids]
    assert sorted(accounts, key=redis_records.rest) == accounts


# What an allocator hands out for a string: 32, 48, 64, 80, 96, 112, 128, 160 bytes, and four are for Redis.
@pytest.mark.parametrize("refreshed, most", [(False, 96), (True, 160)], ids=["cookie", "family"])
@pytest.mark.parametrize("used", [0, 3_000.123456], ids=["begun", "used"])
def test_a_session_of_an_account_fits_the_room_that_redis_has_for_it(refreshed: bool, most: int, used: float) -> None:
    digest, subject = secrets.token_bytes, new_id("a", NOW - 1e7, chance)
    seen = NOW + used
    family = Family(key_id="abcdefgh", counter=3, current=digest(16), previous=digest(16), rotated_at=seen + 0.01)
    session = Session(
        id=new_id(home_of(subject), NOW, chance), subject=subject, gen=int(NOW - 1e7) << 20 | 3, created_at=NOW,
        authenticated_at=NOW - 0.123456, methods=("pwd", "otp"), seen_at=seen, idle=3600.0, ends_at=NOW + 86_400,
        cookie=Cookie(1, digest(16)), family=family if refreshed else None, device="Firefox/Linux",
    )  # fmt: skip
    tags = frozenset({anchor(subject)})
    kept = Record("session", session.id, SESSION.encode(session), 1 << 62, session.ends_at, tags)
    written = redis_records.written(kept)
    assert redis_records.read(kept.key, written) == kept
    # Whoever adds a field to Session adds it to the shapes of packed.py, or it is written out by name.
    assert len(written) + 4 <= most


AGENTS = {
    "Firefox/Linux": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "Chrome/Windows": "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
    "Safari/iOS": "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
}


@pytest.mark.parametrize("device", AGENTS)
def test_an_entry_of_the_audit_log_is_kept_in_a_third(device: str) -> None:
    subject = new_id("a", NOW - 1e7, chance)
    home = home_of(subject)
    entry = audit.Entry(
        at=NOW, act="sign_in", id=newest_first_id(home, NOW, chance), subject=subject, what=new_id(home, NOW, chance),
        actor=subject, credential="session", credential_id=new_id(home, NOW, chance), times=2, failed="it failed",
        address="203.0.113.77", device=device, agent=AGENTS[device],
    )  # fmt: skip
    kept = audit.record(entry, 1 << 62, audit.DAYS)
    written = redis_records.written(kept)
    assert redis_records.read(kept.key, written) == kept
    # Whoever adds a field to Entry adds it to the shapes of packed.py, or all are written out by name.
    assert len(written) + 4 <= 160


def test_an_api_key_is_kept_in_a_third() -> None:
    owner = new_id("a", NOW - 1e7, chance)
    key = ApiKey(
        id=new_id(home_of(owner), NOW, chance), owner=owner, gen=int(NOW - 1e7) << 20 | 3, name="nightly backup",
        created_at=NOW, expires_at=NOW + 365 * 86_400, digest=chance(16), used_at=NOW + 3_000.123456,
        scope="links:read", networks=("192.0.2.0/24",), limit=Limit(100, 60.0),
    )  # fmt: skip
    tags = frozenset({anchor(owner)})
    kept = Record(API_KEY.kind, key.id, API_KEY.encode(key), 1 << 62, key.expires_at, tags)
    written = redis_records.written(kept)
    assert redis_records.read(kept.key, written) == kept
    assert len(written) + 4 <= 160


def test_a_long_text_is_kept_as_how_it_differs_from_what_browsers_say() -> None:
    for text in (*AGENTS.values(), "Mozilla/5.0 " * 300):
        packed = pack(json.dumps(text).encode(), "aid", "tag", None)
        assert packed is not None
        assert len(packed) < len(text) / 2
    assert pack(json.dumps("Mozilla/5.0 " * 400).encode(), "aid", "tag", None) is None, (
        "so long is nothing that browsers say"
    )


@pytest.mark.parametrize("system", [name for _, name in device._SYSTEMS])
def test_each_device_that_we_have_a_name_for_takes_three_bytes(system: str) -> None:
    for name in (f"{browser}/{system}" for _, browser in device._BROWSERS):
        packed = pack(json.dumps(name).encode(), "aid", "tag", None)
        assert packed is not None, name
        assert len(packed) == 3, name
