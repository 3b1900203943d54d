"""Tokens that are verified by their signature alone, by two libraries: PyJWT as most services use it, and Admit's own."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol

import jwt as pyjwt

from admit.core import jwt
from admit.core.ids import HOMES, new_id
from admit.core.jwt import AccessToken, Rules
from admit.errors import AdmitError
from admit.lab.carried import METHODS
from admit.lab.material import ISSUER, signing_key
from admit.lab.strategy import Caller, Refused
from admit.system import chance


class Signed(Protocol):
    """Makes and verifies tokens."""

    def mint(self, subject: str, roles: list[str], life: float) -> tuple[str, str, int]:
        """A token that lives for ``life`` seconds, its ``jti``, and the Unix second at which it expires."""

    def verify(self, text: str) -> tuple[Caller, str]:
        """Whom a token speaks for, and its ``jti``. Raises Refused."""


def _now_and_end(life: float) -> tuple[int, int]:
    now = time.time()
    return int(now), int(now + max(life, 1.0))


_OPTIONS: Any = {"require": ["exp", "iat", "iss", "aud", "sub", "jti"], "strict_aud": True}


class ByPyJwt:
    """As its documentation shows it, with everything required that may be: algorithm, claims, issuer and audience."""

    def __init__(self, secret: bytes, alg: str) -> None:
        key = signing_key(secret, alg)
        self._algorithms = [alg]
        self._headers = {"kid": key.kid, "typ": jwt.TYPE}
        symmetric = alg == "HS256"
        self._signing: Any = key.material
        self._verifying: Any = key.material if symmetric else key.verifying().material
        self._decode: Callable[..., dict[str, Any]] = pyjwt.PyJWT(_OPTIONS).decode

    def mint(self, subject: str, roles: list[str], life: float) -> tuple[str, str, int]:
        """What an application would say of a sign-in."""
        (now, end), jti = _now_and_end(life), new_id(HOMES[0], time.time(), chance)
        claims = {
            "iss": ISSUER, "sub": subject, "aud": ISSUER, "iat": now, "exp": end, "jti": jti,
            "roles": roles, "auth_time": now, "amr": METHODS,
        }  # fmt: skip
        return pyjwt.encode(claims, self._signing, self._algorithms[0], headers=self._headers), jti, end

    def verify(self, text: str) -> tuple[Caller, str]:
        """One call."""
        try:
            claims = self._decode(text, self._verifying, algorithms=self._algorithms, audience=ISSUER, issuer=ISSUER)
        except pyjwt.PyJWTError as error:
            raise Refused(f"{type(error).__name__}: {error}") from error
        return Caller(claims["sub"], frozenset(claims["roles"])), claims["jti"]


class ByAdmit:
    """The verifier of Admit's core, without the log that would tell it what has ended."""

    def __init__(self, secret: bytes, alg: str) -> None:
        self._key = signing_key(secret, alg)
        self._keys = {self._key.kid: self._key.verifying()}
        self._rules = Rules(issuer=ISSUER, audience=ISSUER, leeway=0.0)

    def mint(self, subject: str, roles: list[str], life: float) -> tuple[str, str, int]:
        """All claims of RFC 9068, and what a log would end it by."""
        (now, end), jti = _now_and_end(life), new_id(HOMES[0], time.time(), chance)
        claims = AccessToken(
            iss=ISSUER, sub=subject, aud=ISSUER, exp=end, iat=now, jti=jti, client_id="first-party", scope="",
            roles=tuple(roles), sid=jti, gen=now << 20, auth_time=now, amr=METHODS,
        )  # fmt: skip
        return jwt.mint(claims, self._key), jti, end

    def verify(self, text: str) -> tuple[Caller, str]:
        """One call."""
        try:
            claims = jwt.verify(text, self._keys, self._rules, time.time())
        except AdmitError as error:
            raise Refused(str(error)) from error
        return Caller(claims.sub, frozenset(claims.roles)), claims.jti
