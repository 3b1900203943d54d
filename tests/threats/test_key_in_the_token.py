"""An attacker sends the key along, or its address, or a path for a key id (JWT-02)."""

from __future__ import annotations

import socket

import pytest

from admit.core.jose import UnknownKey
from admit.core.jwt import verify
from admit.errors import BadCredential
from forge import CLAIMS, NOW, RULES, claims, key, known, token

OURS, THEIRS = key("ES256"), key("ES256", "the attacker's")
JWK = THEIRS.verifying().jwk()
URL = "https://attacker.example/keys.json"
SENT = [{"jwk": JWK}, {"jku": URL}, {"x5u": URL}, {"x5c": ["MIIB"], "x5t#S256": "AA"}, {"jwk": JWK, "jku": URL}]


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object) -> None:
        raise AssertionError("something was fetched")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.mark.parametrize("sent", SENT)
def test_a_key_in_the_header_verifies_nothing(sent: dict[str, object]) -> None:
    for kid in (OURS.kid, THEIRS.kid, "", ...):
        with pytest.raises(BadCredential):
            verify(token(claims(), THEIRS, kid=kid, **sent), known(OURS), RULES, NOW)
        with pytest.raises(UnknownKey):
            verify(token(claims(), THEIRS, kid=kid, **sent), {}, RULES, NOW)


@pytest.mark.parametrize("sent", SENT)
def test_a_key_in_the_header_is_not_even_looked_at(sent: dict[str, object]) -> None:
    assert verify(token(claims(), OURS, **sent), known(OURS), RULES, NOW) == CLAIMS


@pytest.mark.parametrize(
    "kid",
    ["../../dev/null", "/dev/null", "x' OR '1'='1", URL, "*", "__class__", "\x00", "\ud800", "k" * 128],
)
def test_a_key_id_is_looked_up_and_nothing_else(kid: str) -> None:
    with pytest.raises(BadCredential):
        verify(token(claims(), THEIRS, kid=kid), known(OURS), RULES, NOW)


def test_a_key_id_without_end_is_not_even_looked_up() -> None:
    endless = "k" * 129
    with pytest.raises(BadCredential, match="not a compact JWS"):
        verify(token(claims(), OURS, kid=endless), {endless: OURS.verifying()}, RULES, NOW)
