"""Stateless tokens: all that a server needs is a key, and nothing but the expiry ends one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from admit.lab import carried
from admit.lab.signed import ByAdmit, ByPyJwt, Signed
from admit.lab.strategy import About, Caller, Count, Ending, Held, Issuer, Plan, Server

_NAMES = {"HS256": "HS256", "RS256": "RS256", "ES256": "ES256", "EdDSA": "Ed25519"}
_BY: dict[str, tuple[str, Callable[[bytes, str], Signed]]] = {
    "PyJWT": ("Signed and verified by PyJWT, with algorithm, required claims, issuer and audience", ByPyJwt),
    "Admit": ("Signed and verified by Admit's core, with all claims of RFC 9068 and no log of what has ended", ByAdmit),
}


@dataclass(frozen=True, slots=True)
class Stateless:
    """A strategy whose token says everything."""

    about: About
    alg: str
    by: Callable[[bytes, str], Signed]

    async def issuer(self, plan: Plan) -> Issuer:
        """Whoever has the key that signs."""
        return _Issuer(self.by(plan.secret, self.alg), plan.access_seconds)

    async def server(self, plan: Plan) -> Server:
        """Whoever has the key that verifies."""
        return _Server(self.by(plan.secret, self.alg))


class _Issuer:
    def __init__(self, signed: Signed, seconds: float) -> None:
        self.count = Count()
        self._signed = signed
        self._seconds = seconds

    async def load(self, subjects: Sequence[str]) -> None:
        """Nothing is kept of anybody."""

    async def sign_in(self, subject: str, *, roles: frozenset[str] = frozenset({"user"})) -> Held:
        text, _, _ = self._signed.mint(subject, sorted(roles), self._seconds)
        return Held(subject, carried.bearer(text), text)

    async def refresh(self, held: Held) -> Held:
        return held

    async def end(self, how: Ending, held: Held) -> None:
        """The client throws it away; whoever else has it goes on until it expires."""

    async def kept_bytes(self) -> int:
        return 0

    async def close(self) -> None:
        """There is nothing to give back."""


class _Server:
    def __init__(self, signed: Signed) -> None:
        self.count = Count()
        self._signed = signed

    async def verify(self, header: tuple[str, str]) -> Caller:
        caller, _ = self._signed.verify(carried.of_bearer(header))
        return caller

    async def close(self) -> None:
        """There is nothing to give back."""


def _stateless(alg: str, library: str) -> Stateless:
    built, by = _BY[library]
    name = _NAMES[alg]
    about = About(
        id=f"jwt-{name.lower()}-{library.lower()}",
        family="jwt",
        title=f"Stateless JWT, {name}, {library}",
        built=f"{built}; it lives as long as an access token, and signing out is the client's own affair.",
        stores=("none",),
        carrier="bearer",
        ends=(),
        outsiders=not alg.startswith("HS"),  # whoever verifies with a shared secret can sign with it
    )
    return Stateless(about, alg, by)


STATELESS = [_stateless(alg, library) for alg in _NAMES for library in _BY]
