"""Claims are compared loosely: a part of our name, a number as text, a token without an end (JWT-07)."""

from __future__ import annotations

import json

import pytest

from admit.core.jwt import verify
from admit.errors import AdmitError, BadCredential, Expired, NotForUs
from forge import CLAIMS, NOW, RULES, claims, key, known, token

OURS = key("ES256")
KEYS = known(OURS)
ISSUER, AUDIENCE = RULES.issuer, RULES.audience


def refused(payload: object, error: type[AdmitError] = BadCredential) -> None:
    with pytest.raises(error):
        verify(token(payload, OURS), KEYS, RULES, NOW)


@pytest.mark.parametrize(
    "issuer",
    [ISSUER + "/", ISSUER[:-1], ISSUER.upper(), ISSUER + ".attacker.example", "", "*", ISSUER + "?", [ISSUER], None],
)
def test_the_issuer_is_compared_exactly(issuer: object) -> None:
    refused(claims(iss=issuer))


@pytest.mark.parametrize(
    "audience",
    [
        AUDIENCE + "/",
        AUDIENCE + ".attacker.example",
        f"https://other.example {AUDIENCE}",
        AUDIENCE[:-1],
        "*",
        "",
        [],
        ["https://other.example"],
        [AUDIENCE + "/"],
        [f"https://other.example,{AUDIENCE}"],
    ],
)
def test_the_audience_is_compared_exactly(audience: object) -> None:
    refused(claims(aud=audience), NotForUs)


@pytest.mark.parametrize("audience", [None, ..., {}, {AUDIENCE: 1}, [[AUDIENCE]], [AUDIENCE, 7], True])
def test_an_audience_that_is_none_is_refused(audience: object) -> None:
    refused(claims(aud=audience))


NUMBERS = [
    True,
    False,
    str(NOW),
    f"{NOW}.0",
    None,
    [NOW],
    {},
    -1,
    1 << 53,
    10**30,
    float("nan"),
    float("inf"),
    NOW + 0.5,
]


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("name", ["exp", "iat", "gen", "auth_time"])
def test_a_number_is_a_whole_number(name: str, number: object) -> None:
    refused(claims(**{name: number}))


@pytest.mark.parametrize("number", [number for number in NUMBERS if number is not None])
@pytest.mark.parametrize("name", ["cgen", "nbf"])
def test_an_optional_number_is_a_whole_number_too(name: str, number: object) -> None:
    refused(claims(**{name: number}))


@pytest.mark.parametrize(
    "written", ["1e400", "-1e400", "1e3", "1.76e9", "0x10", "1_000", "01", "+1", "Infinity", "-0.0"]
)
@pytest.mark.parametrize("name", ["exp", "iat"])
def test_a_number_is_written_as_one(name: str, written: str) -> None:
    good = json.dumps(claims(**{name: "HERE"}))
    refused(good.replace('"HERE"', written))


@pytest.mark.parametrize("name", ["sub", "sid", "jti", "client_id"])
@pytest.mark.parametrize("value", ["", "x" * 129, 7, None, ["ann"], True])
def test_a_name_is_text_of_bounded_length(name: str, value: object) -> None:
    refused(claims(**{name: value}))


@pytest.mark.parametrize(
    ("name", "value"), [("roles", "admin"), ("roles", [1]), ("amr", "pwd"), ("scope", ["a"]), ("scope", 1)]
)
def test_a_list_is_a_list_and_a_text_a_text(name: str, value: object) -> None:
    refused(claims(**{name: value}))


def test_a_token_without_an_end_is_refused() -> None:
    for end in (..., None, 0):
        refused(claims(exp=end))


@pytest.mark.parametrize("behind", [10, 11, 3_600, NOW - 600])
def test_a_token_that_has_ended_is_refused(behind: int) -> None:
    refused(claims(iat=max(0, NOW - behind - 600), exp=NOW - behind), Expired)


@pytest.mark.parametrize("ahead", [11, 3_600, (1 << 53) - 1 - NOW])
def test_a_token_that_is_not_good_yet_is_refused(ahead: int) -> None:
    refused(claims(nbf=NOW + ahead))


def test_what_a_forged_token_says_is_not_believed_before_its_signature() -> None:
    # Were the claims judged first, the answer would say whether they are good ones.
    stranger = key("ES256", "a stranger's")
    for payload in (claims(), claims(exp=1), claims(aud="x"), claims(iss="x"), b"\xff", "{}"):
        with pytest.raises(BadCredential) as found:
            verify(token(payload, stranger, kid=OURS.kid), KEYS, RULES, NOW)
        assert type(found.value) is BadCredential
        assert "signature" in str(found.value)
    assert verify(token(claims(), OURS), KEYS, RULES, NOW) == CLAIMS
