"""The keyring: next, current, retiring, gone; and its record."""

from __future__ import annotations

import secrets
from dataclasses import replace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from admit.core.jose import UnknownKey
from admit.core.jwk import SigningKey
from admit.core.jwt import MAX_LEEWAY, MAX_LIFE, mint, verify
from admit.core.keyring import CODEC, PUBLISHED_BEFORE_USE, REREAD, RETIRES_FOR, Keyring
from admit.core.secret import Master
from admit.core.store import Record
from admit.errors import BadInput, StoreError
from forge import ALGS, CLAIMS, NOW, RULES, key

MASTER = Master([b"m" * 32])
FIRST, SECOND, THIRD, FOURTH = (key("ES256", name) for name in ("first", "second", "third", "fourth"))


def fresh() -> SigningKey:
    return SigningKey.generate("Ed25519", secrets.token_bytes)


def ring() -> Keyring:
    return Keyring.new(FIRST, SECOND, NOW)


def record(body: bytes) -> Record:
    return Record("keyring", "-signing", body, 1)


def test_a_new_ring_signs_with_one_key_and_publishes_the_next() -> None:
    assert ring().signing is FIRST
    assert [jwk["kid"] for jwk in ring().jwks(NOW)["keys"]] == [FIRST.kid, SECOND.kid]


def test_the_next_key_is_used_once_it_has_been_published_for_ten_minutes() -> None:
    with pytest.raises(BadInput, match="rotate in 120 seconds"):
        ring().rotate(NOW + 480, THIRD)
    rotated = ring().rotate(NOW + PUBLISHED_BEFORE_USE, THIRD)
    assert rotated.signing is SECOND
    assert list(rotated.verifying(NOW + 600)) == [SECOND.kid, THIRD.kid, FIRST.kid]


def test_a_retiring_key_verifies_until_the_last_token_of_a_slow_process_is_over() -> None:
    rotated = ring().rotate(NOW + 600, THIRD)
    until = NOW + 600 + RETIRES_FOR
    assert RETIRES_FOR >= REREAD + MAX_LIFE + MAX_LEEWAY
    assert FIRST.kid in rotated.verifying(until - 1)
    assert FIRST.kid in str(rotated.jwks(until - 1))
    assert FIRST.kid not in rotated.verifying(until)
    assert FIRST.kid not in str(rotated.jwks(until))
    assert len(rotated.drop(until - 1).keys) == 3
    assert len(rotated.drop(until).keys) == 2


def test_a_rotation_forgets_the_keys_that_have_retired() -> None:
    once = ring().rotate(NOW + 600, THIRD)
    twice = once.rotate(NOW + 600 + RETIRES_FOR, FOURTH)
    assert [kept.key for kept in twice.keys] == [THIRD, FOURTH, SECOND]


def test_in_the_place_of_a_compromised_key_the_next_signs_at_once() -> None:
    revoked = ring().revoke(FIRST.kid, NOW + 1, THIRD)
    assert revoked.signing is SECOND
    assert list(revoked.verifying(NOW + 1)) == [SECOND.kid, THIRD.kid]
    with pytest.raises(BadInput, match="rotate in 599 seconds"):
        revoked.rotate(NOW + 2, FOURTH)


def test_a_compromised_key_that_does_not_sign_yet_or_any_more_goes_too() -> None:
    assert list(ring().revoke(SECOND.kid, NOW, THIRD).verifying(NOW)) == [FIRST.kid, THIRD.kid]
    rotated = ring().rotate(NOW + 600, THIRD)
    assert list(rotated.revoke(FIRST.kid, NOW + 601, FOURTH).verifying(NOW + 601)) == [SECOND.kid, THIRD.kid]


def test_a_key_that_is_not_there_cannot_be_revoked() -> None:
    with pytest.raises(BadInput, match="no signing key"):
        ring().revoke("nobody", NOW, THIRD)


def test_two_keys_of_one_id_do_not_enter_a_ring() -> None:
    with pytest.raises(BadInput):
        Keyring.new(FIRST, FIRST, NOW)
    with pytest.raises(BadInput):
        ring().rotate(NOW + 600, FIRST)


def test_a_ring_of_secrets_publishes_nothing() -> None:
    symmetric = Keyring.new(key("HS256"), key("HS256", "next"), NOW)
    assert symmetric.jwks(NOW) == {"keys": []}
    text = mint(CLAIMS, symmetric.signing)
    assert verify(text, symmetric.verifying(NOW), RULES, NOW) == CLAIMS


@pytest.mark.parametrize("alg", ALGS)
def test_a_ring_comes_back_from_its_record(alg: str) -> None:
    kept = Keyring.new(FIRST, key(alg), NOW).rotate(NOW + 600, THIRD)
    again = Keyring.unsealed(record(kept.sealed(MASTER, secrets.token_bytes)), MASTER)
    assert [(kept.key.kid, kept.since) for kept in again.keys] == [(kept.key.kid, kept.since) for kept in kept.keys]
    assert verify(mint(CLAIMS, again.signing), kept.verifying(NOW), RULES, NOW) == CLAIMS


def test_the_record_shows_no_private_key() -> None:
    body = ring().sealed(MASTER, secrets.token_bytes).decode()
    assert FIRST.kid in body
    assert FIRST.secret_jwk()["d"] not in body
    with pytest.raises(StoreError):
        Keyring.unsealed(record(body.encode()), Master([b"x" * 32]))


def test_a_key_cannot_be_passed_off_as_another_in_the_record() -> None:
    body = msgspec.json.decode(ring().sealed(MASTER, secrets.token_bytes))
    body["current"]["jwk"], body["next"]["jwk"] = body["next"]["jwk"], body["current"]["jwk"]
    with pytest.raises(StoreError, match="altered"):
        Keyring.unsealed(record(msgspec.json.encode(body)), MASTER)


def test_a_record_that_holds_no_ring_is_refused() -> None:
    twice = ring()
    body = CODEC.decode(record(twice.sealed(MASTER, secrets.token_bytes)))
    for broken in (b"{}", b'{"v":1}', CODEC.encode(msgspec.structs.replace(body, next=body.current))):
        with pytest.raises(StoreError):
            Keyring.unsealed(record(broken), MASTER)


@given(turned=st.floats(600, 10**6), asked=st.floats(0, 2 * RETIRES_FOR))
def test_a_token_signed_before_a_rotation_verifies_until_retirement_and_not_after(turned: float, asked: float) -> None:
    before, rotated = ring(), ring().rotate(NOW + turned, THIRD)
    now = NOW + turned + asked
    text = mint(msgspec.structs.replace(CLAIMS, iat=int(now), exp=int(now) + 600), before.signing)
    if now < rotated.retiring[0].since + RETIRES_FOR:
        assert verify(text, rotated.verifying(now), RULES, now).sub == CLAIMS.sub
    else:
        with pytest.raises(UnknownKey):
            verify(text, rotated.verifying(now), RULES, now)


class Rotations(RuleBasedStateMachine):
    """Tokens minted by the ring as it was up to a minute ago stay good for their life, unless their key is revoked."""

    @initialize()
    def begin(self) -> None:
        self.now = float(NOW)
        self.ring = self.slow = Keyring.new(fresh(), fresh(), self.now)
        self.read = self.now
        self.live: list[tuple[str, str, float]] = []
        self.revoked: set[str] = set()

    @rule(seconds=st.floats(0, 1_000))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        if self.now - self.read > REREAD:  # the slow process reads as late as it may
            self.slow, self.read = self.ring, self.now

    @rule()
    def rotate(self) -> None:
        try:
            self.ring = self.ring.rotate(self.now, fresh())
        except BadInput:
            assert self.now < self.ring.next.since + PUBLISHED_BEFORE_USE

    @rule(place=st.integers(0, 9))
    def revoke(self, place: int) -> None:
        kid = self.ring.keys[place % len(self.ring.keys)].key.kid
        self.ring = self.slow = self.ring.revoke(kid, self.now, fresh())  # the log names the key: all read at once
        self.read = self.now
        self.revoked.add(kid)

    @precondition(lambda self: len(self.live) < 20)
    @rule(life=st.integers(1, MAX_LIFE))
    def mint(self, life: int) -> None:
        kid = self.slow.signing.kid
        token = msgspec.structs.replace(CLAIMS, iat=int(self.now), exp=int(self.now) + life)
        self.live.append((mint(token, self.slow.signing), kid, int(self.now) + life))

    @invariant()
    def what_lives_verifies(self) -> None:
        keys = self.ring.verifying(self.now)
        assert self.revoked.isdisjoint(keys)
        assert sum(kept.key is self.ring.signing for kept in self.ring.keys) == 1
        rules = replace(RULES, leeway=MAX_LEEWAY)
        self.live = [entry for entry in self.live if self.now < entry[2] + MAX_LEEWAY]
        for text, kid, _ in self.live:
            if kid in self.revoked:
                with pytest.raises(UnknownKey):
                    verify(text, keys, rules, self.now)
            else:
                verify(text, keys, rules, self.now)


TestRotations = Rotations.TestCase
