"""A verifier in front of an authority that a test makes lie, and the tokens that such an authority issues."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from admit import Request, Verifier
from admit.core.jwk import SigningKey
from admit.core.jwt import AccessToken, mint
from admit.errors import Revoked, Stale
from liar import Liar, lying
from services import PassingClock

AUDIENCE = "https://api.example.com"
KEY = "adm_v_" + "0" * 22 + "." + "s" * 43


@pytest.fixture
def liar() -> Iterator[Liar]:
    with lying() as found:
        found.keys.append(SigningKey.generate("ES256", secrets.token_bytes))
        yield found


@pytest.fixture
def clock() -> PassingClock:
    return PassingClock()


@pytest.fixture
def verifier(liar: Liar, clock: PassingClock) -> Iterator[Verifier]:
    made = Verifier(liar.issuer, audience=AUDIENCE, key=KEY, clock=clock)
    yield made
    made.close()


def token(liar: Liar, *, key: int = 0, audience: str = AUDIENCE, sid: str = "0" * 22, now: float | None = None) -> str:
    """An access token of the authority."""
    at = int(now or time.time())
    claims = AccessToken(
        iss=liar.issuer, sub="ann", aud=audience, exp=at + 3_000, iat=at, jti=secrets.token_hex(11), client_id="web",
        scope="links:read", roles=("user",), sid=sid, gen=5, auth_time=at, amr=("pwd",),
    )  # fmt: skip
    return mint(claims, liar.keys[key])


def asking(text: str) -> Request:
    return Request("GET", f"{AUDIENCE}/links", ((b"authorization", f"Bearer {text}".encode()),))


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < end
        threading.Event().wait(0.005)


def until_revoked(verifier: Verifier, text: str) -> None:
    def refused() -> bool:
        try:
            verifier.verify(text)
        except Revoked:
            return True
        except Stale:  # for a moment, where the machine is busy or the log begins anew
            pass
        return False

    until(refused)


def until_accepted(verifier: Verifier, text: str) -> None:
    def accepted() -> bool:
        try:
            verifier.verify(text)
        except Stale:  # as above
            return False
        return True

    until(accepted)
