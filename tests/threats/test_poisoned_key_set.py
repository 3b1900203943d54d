"""Somebody else's keys, or none, are put where a verifier looks for them; or it is made to fetch without end (JWT-09)."""

from __future__ import annotations

import json
import secrets
from typing import Any

import pytest

from admit import Verifier
from admit.core.jwk import SigningKey
from admit.errors import BadCredential, Revoked, Stale, StoreUnavailable
from admit.published import KEYS_AGAIN, KEYS_LAST
from followed import asking, clock, liar, token, until, until_revoked, verifier
from liar import Liar
from services import PassingClock

__all__ = ["clock", "liar", "verifier"]


@pytest.mark.parametrize(
    "lie",
    [
        {"issuer": "http://127.0.0.1:1/auth"},
        {"jwks_uri": "http://127.0.0.1:1/jwks.json"},
        {"jwks_uri": "http://127.0.0.1@evil.example/jwks.json"},
        {"revocations_endpoint": "http://localhost.evil.example/revocations"},
        {"revocations_endpoint": "file:///etc/passwd"},
        {"max_staleness": 0},
        {"max_staleness": 1e9},
        {"introspection_endpoint": "https://127.0.0.1/introspect"},
        {"issuer": None},
    ],
    ids=str,
)
def test_a_description_that_leads_elsewhere_is_not_believed(
    verifier: Verifier, liar: Liar, lie: dict[str, Any]
) -> None:
    body = json.dumps(liar.metadata | lie).encode()
    liar.answers["/auth/.well-known/oauth-authorization-server"] = lambda _, __: body
    with pytest.raises(StoreUnavailable):
        verifier.open(0.3)
    assert liar.asked_for("jwks") == liar.asked_for("revocations") == 0


def test_a_description_without_end_is_given_up(verifier: Verifier, liar: Liar) -> None:
    liar.answers["/auth/.well-known/oauth-authorization-server"] = lambda _, __: b" " * 1_000_000
    with pytest.raises(StoreUnavailable, match="more than 65536 bytes"):
        verifier.open(0.3)


@pytest.mark.parametrize("set", [b"{}", b'{"keys": "none"}', b"\xff", b"[" * 100_000, b" " * 300_000, 500, 302])
def test_a_set_of_keys_that_cannot_be_trusted_leaves_the_one_before(
    verifier: Verifier, liar: Liar, clock: PassingClock, set: bytes | int
) -> None:
    verifier.open()
    text = token(liar)
    verifier.verify(text)
    liar.answers["/auth/.well-known/jwks.json"] = lambda _, __: set
    read = liar.asked_for("jwks")
    clock.passes(KEYS_LAST)
    until(lambda: liar.asked_for("jwks") > read)
    until(lambda: verifier.status().error is not None)
    assert verifier.status().keys == (liar.keys[0].kid,)


def test_a_key_that_is_not_published_any_more_stops_working_even_for_what_was_seen_before(
    verifier: Verifier, liar: Liar, clock: PassingClock
) -> None:
    liar.keys.append(SigningKey.generate("ES256", secrets.token_bytes))
    verifier.open()
    old, kept = token(liar), token(liar, key=1)
    verifier.verify(old)
    verifier.verify(kept)
    del liar.keys[0]
    clock.passes(KEYS_LAST)
    until(lambda: verifier.status().keys == (liar.keys[0].kid,) and verifier.status().fresh)
    with pytest.raises((BadCredential, Stale)):
        verifier.verify(old)
    assert verifier.verify(kept).subject == "ann"


async def test_a_new_key_is_fetched_when_a_token_names_it_and_garbage_fetches_seldom(
    verifier: Verifier, liar: Liar, clock: PassingClock
) -> None:
    verifier.open()
    liar.keys.append(SigningKey.generate("ES256", secrets.token_bytes))
    assert (await verifier.admit(asking(token(liar, key=1)))).subject == "ann"
    fetched, began = liar.asked_for("jwks"), clock.lease()
    for _ in range(50):
        liar.keys.append(SigningKey.generate("ES256", secrets.token_bytes))
        garbage = asking(token(liar, key=-1))
        liar.keys.pop()
        with pytest.raises(BadCredential):
            await verifier.admit(garbage)
    assert liar.asked_for("jwks") <= fetched + (clock.lease() - began) / KEYS_AGAIN
    clock.passes(KEYS_AGAIN)
    until(lambda: verifier.status().fresh)
    liar.keys.append(SigningKey.generate("ES256", secrets.token_bytes))
    assert (await verifier.admit(asking(token(liar, key=-1)))).subject == "ann"


def test_a_key_that_the_log_ended_stays_out_whatever_is_published(
    verifier: Verifier, liar: Liar, clock: PassingClock
) -> None:
    verifier.open()
    text = token(liar)
    verifier.verify(text)
    liar.entries.append(json.dumps(["ended", 4, liar.keys[0].kid]).encode())
    until_revoked(verifier, text)
    clock.passes(4 * 3_600)
    until(lambda: verifier.status().fresh)
    with pytest.raises(Revoked):
        verifier.verify(token(liar, now=clock.now()))


async def test_nobody_is_signed_out_because_no_key_can_be_fetched(
    verifier: Verifier, liar: Liar, clock: PassingClock
) -> None:
    speaking = dict(liar.answers)
    for path in speaking:
        liar.answers[path] = lambda _, __: 503
    for _ in range(2):
        with pytest.raises((Stale, StoreUnavailable)):
            await verifier.admit(asking(token(liar)))
    liar.answers |= speaking
    verifier.open(60)
    liar.keys.append(SigningKey.generate("ES256", secrets.token_bytes))
    liar.answers["/auth/.well-known/jwks.json"] = lambda _, __: 503
    clock.passes(KEYS_AGAIN)
    until(lambda: verifier.status().fresh)
    for _ in range(2):
        with pytest.raises((Stale, StoreUnavailable)):
            await verifier.admit(asking(token(liar, key=1)))


@pytest.mark.parametrize("status", [401, 403, 500])
async def test_who_keeps_the_keys_from_us_signs_nobody_out(verifier: Verifier, liar: Liar, status: int) -> None:
    verifier.open()
    liar.keys.append(SigningKey.generate("ES256", secrets.token_bytes))
    text = token(liar, key=1)
    liar.answers["/auth/.well-known/jwks.json"] = lambda _, __: status
    for _ in range(2):
        with pytest.raises((Stale, StoreUnavailable)):  # 503, and never 401
            await verifier.admit(asking(text))


def test_a_bound_that_is_made_smaller_is_heard_of_with_the_keys(
    verifier: Verifier, liar: Liar, clock: PassingClock
) -> None:
    verifier.open()
    lowered = json.dumps(liar.metadata | {"max_staleness": 0.5}).encode()
    liar.answers["/auth/.well-known/oauth-authorization-server"] = lambda _, __: lowered
    clock.passes(KEYS_LAST)
    until(lambda: verifier._bounded.bound == 0.5)
