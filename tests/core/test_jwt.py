"""Access tokens: minted, verified, refused; and understood by other libraries."""

from __future__ import annotations

import time
from typing import Any

import joserfc.jwk
import joserfc.jwt
import jwt as pyjwt
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from admit.core.jwt import MAX_LIFE, AccessToken, Rules, mint, verify
from admit.errors import BadCredential, BadInput, ConfigError, Expired, NotForUs
from forge import ALGS, CLAIMS, NOW, RULES, claims, key, known, published, token

ES256 = key("ES256")
KEYS = known(ES256)


@pytest.mark.parametrize("alg", ALGS)
def test_what_was_minted_is_verified(alg: str) -> None:
    assert verify(mint(CLAIMS, key(alg)), known(key(alg)), RULES, NOW) == CLAIMS


def test_claims_that_say_nothing_are_left_out() -> None:
    text = mint(msgspec.structs.replace(CLAIMS, cgen=7), ES256)
    assert verify(text, KEYS, RULES, NOW).cgen == 7
    payload = pyjwt.decode(mint(CLAIMS, ES256), options={"verify_signature": False})
    assert payload == claims()
    assert "cgen" not in payload


@pytest.mark.parametrize("alg", [alg for alg in ALGS if alg != "Ed25519"])
def test_pyjwt_agrees_both_ways(alg: str) -> None:
    now = int(time.time())
    fresh = msgspec.structs.replace(CLAIMS, iat=now, exp=now + 600)
    said = pyjwt.decode(
        mint(fresh, key(alg)), pyjwt.PyJWK(published(key(alg))), [alg], audience=fresh.aud, issuer=fresh.iss
    )
    assert said == claims(iat=now, exp=now + 600)
    headers = {"typ": "at+jwt", "kid": key(alg).kid}
    text = pyjwt.encode(said, pyjwt.PyJWK(key(alg).secret_jwk()).key, alg, headers)
    assert verify(text, known(key(alg)), RULES, now) == fresh


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
@pytest.mark.parametrize("alg", ALGS)
def test_joserfc_agrees_both_ways(alg: str) -> None:
    theirs = joserfc.jwk.import_key({**key(alg).secret_jwk()})
    said = joserfc.jwt.decode(mint(CLAIMS, key(alg)), theirs, [alg])
    assert said.claims == claims()
    assert said.header == {"alg": alg, "typ": "at+jwt", "kid": key(alg).kid}
    text = joserfc.jwt.encode({"alg": alg, "typ": "at+jwt", "kid": key(alg).kid}, said.claims, theirs, [alg])
    assert verify(text, known(key(alg)), RULES, NOW) == CLAIMS


def test_a_token_lives_from_its_issue_to_its_expiry_and_a_leeway_on_both_sides() -> None:
    text = mint(CLAIMS, ES256)
    for now in (NOW - 10, NOW, NOW + 609.9):
        assert verify(text, KEYS, RULES, now) == CLAIMS
    with pytest.raises(Expired):
        verify(text, KEYS, RULES, NOW + 610)
    with pytest.raises(BadCredential):
        verify(text, KEYS, RULES, NOW - 10.1)


def test_a_token_that_is_not_good_yet_is_refused_until_it_is() -> None:
    text = token(claims(nbf=NOW + 60), ES256)
    with pytest.raises(BadCredential):
        verify(text, KEYS, RULES, NOW)
    assert verify(text, KEYS, RULES, NOW + 60).nbf == NOW + 60


def test_one_audience_of_several_is_enough() -> None:
    text = mint(msgspec.structs.replace(CLAIMS, aud=("https://other.example", RULES.audience)), ES256)
    assert verify(text, KEYS, RULES, NOW).jti == CLAIMS.jti


def test_a_token_for_another_audience_says_so_inside_only() -> None:
    text = mint(msgspec.structs.replace(CLAIMS, aud="https://other.example"), ES256)
    with pytest.raises(NotForUs):
        verify(text, KEYS, RULES, NOW)


def test_claims_of_others_beside_ours_do_no_harm() -> None:
    assert verify(token(claims(name="Ann", address={"city": "X"}), ES256), KEYS, RULES, NOW) == CLAIMS


@pytest.mark.parametrize("life", [0, -1, MAX_LIFE + 1])
def test_no_token_is_minted_for_longer_than_the_log_remembers(life: int) -> None:
    with pytest.raises(BadInput):
        mint(msgspec.structs.replace(CLAIMS, exp=NOW + life), ES256)


@pytest.mark.parametrize(
    "changed", [{"sub": ""}, {"sub": "s" * 129}, {"iat": True}, {"gen": -1}, {"scope": "\ud800"}, {"exp": float("nan")}]
)
def test_nothing_is_minted_that_would_be_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(BadInput):
        mint(AccessToken(**(claims() | changed)), ES256)


@pytest.mark.parametrize("leeway", [-1, 61, float("nan"), float("inf")])
def test_rules_that_would_weaken_the_ceilings_are_refused(leeway: float) -> None:
    with pytest.raises(ConfigError, match="leeway"):
        Rules(issuer="https://a.example", audience="https://b.example", leeway=leeway)


def test_all_faults_of_rules_are_told_at_once() -> None:
    with pytest.raises(ConfigError) as found:
        Rules(issuer="", audience="", leeway=61)
    assert len(found.value.faults) == 3


@given(place=st.integers(0, 10_000), written=st.characters())
def test_a_token_with_one_character_changed_is_refused(place: int, written: str) -> None:
    for alg in ("HS256", "ES256"):
        text = mint(CLAIMS, key(alg))
        place %= len(text)
        if text[place] == written:
            continue
        with pytest.raises(BadCredential):
            verify(text[:place] + written + text[place + 1 :], known(key(alg)), RULES, NOW)


ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ "


def test_no_character_of_a_token_can_be_exchanged() -> None:
    text = mint(CLAIMS, key("HS256"))
    keys = known(key("HS256"))
    passed = 0
    for place, right in enumerate(text):
        for wrong in ALPHABET:
            try:
                verify(text[:place] + wrong + text[place + 1 :], keys, RULES, NOW)
            except BadCredential:
                assert wrong != right
            else:
                passed += 1
                assert wrong == right
    assert passed == len(text)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(changed=st.dictionaries(st.sampled_from(sorted(claims(cgen=1, nbf=1, more=1))), VALUES, max_size=4))
def test_any_claims_that_are_rightly_signed_are_good_or_refused_with_our_error(changed: dict[str, object]) -> None:
    try:
        found = verify(token(claims(**changed), key("HS256")), known(key("HS256")), RULES, NOW)
    except BadCredential:
        return
    assert found.iss == RULES.issuer
    assert found.exp - found.iat <= MAX_LIFE
    assert found.iat <= NOW + RULES.leeway
    assert type(found.exp) is type(found.iat) is type(found.gen) is int


@given(payload=st.binary())
def test_any_bytes_that_are_rightly_signed_are_refused_with_our_error(payload: bytes) -> None:
    with pytest.raises(BadCredential):
        verify(token(payload, key("HS256")), known(key("HS256")), RULES, NOW)
