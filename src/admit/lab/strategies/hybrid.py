"""The hybrid: a short access token that is verified locally, and a refresh token that is kept, and spent once.

With the blocklist each request also asks the store whether the token's ``jti`` is on the list of what has ended.
"""

from __future__ import annotations

import hmac
import math
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import pybase64
from msgspec.structs import replace

from admit.lab import carried
from admit.lab.looked_up import commits
from admit.lab.signed import ByPyJwt
from admit.lab.strategy import DEMOTED, About, Caller, Count, Ending, Held, Issuer, Plan, Refused, Server, Store
from admit.lab.tables import open_table
from admit.lab.tables.table import Row, Table
from admit.lab.weight import weighing

_FAMILY_BYTES = 16
_TRIES = 20

_ALG = "ES256"


class _Family(msgspec.Struct, frozen=True, array_like=True):
    """What a family keeps beside its digest: of the sign-in, and the access tokens that have not expired."""

    signed_in: bytes
    live: tuple[tuple[str, int], ...] = ()


_families = msgspec.msgpack.Decoder(_Family)


@dataclass(frozen=True, slots=True)
class Hybrid:
    """A strategy of two tokens."""

    about: About
    blocks: bool

    async def issuer(self, plan: Plan) -> Issuer:
        """Where people sign in and refresh."""
        count = Count()
        families = await open_table(plan.url, self.about.id, count)
        return _Issuer(plan, families, await self._blocked(plan, count), count)

    async def server(self, plan: Plan) -> Server:
        """One that verifies the access token, and looks at the list where there is one."""
        count = Count()
        return _Server(ByPyJwt(plan.secret, _ALG), await self._blocked(plan, count), count)

    async def _blocked(self, plan: Plan, count: Count) -> Table | None:
        return await open_table(plan.url, f"{self.about.id}-ended", count, owned=False) if self.blocks else None


class _Issuer:
    def __init__(self, plan: Plan, families: Table, blocked: Table | None, count: Count) -> None:
        self.count = count
        self._plan = plan
        self._signed = ByPyJwt(plan.secret, _ALG)
        self._families = families
        self._blocked = blocked
        self._kept = 0
        self.listed = 0

    async def load(self, subjects: Sequence[str]) -> None:
        live = (("-" * 22, int(time.time())),)  # as long as one that was minted
        async with weighing(self._plan.url, self._families.taken) as grown:
            for some in commits(subjects):
                await self._families.put(*(self._begun(subject, "user", live)[0] for subject in some))
            await self._list(len(subjects))
        self._kept += grown[0]

    async def _list(self, people: int) -> None:
        """The tokens of those who have signed out, and might still present them, while so many ``people`` stay."""
        if self._blocked is None:
            return
        # Whoever stays signed in for a session's time signs out once in it; then his token is listed until it expires.
        number = math.ceil(people * self._plan.access_seconds / self._plan.session_seconds)
        end, ids = int(time.time() + self._plan.access_seconds), (secrets.token_urlsafe(16) for _ in range(number))
        await self._blocked.put(*(_ended(jti, end) for jti in ids))
        self.listed += number

    async def sign_in(self, subject: str, *, roles: frozenset[str] = frozenset({"user"})) -> Held:
        access, jti, end = self._minted(subject, carried.written(roles))
        row, text = self._begun(subject, carried.written(roles), ((jti, end),))
        await self._families.put(row)
        return _held(subject, access, text)

    async def refresh(self, held: Held) -> Held:
        key, text = _parsed(held.refresh)
        for _ in range(_TRIES):
            row = await self._families.get(key)
            if row is None or row.expires_at <= time.time():
                raise Refused("there is no such sign-in any more")
            if not hmac.compare_digest(row.proof, carried.digest(text)):
                # RFC 9700, section 4.14.2: somebody holds a copy, and nothing tells which of the two is the thief.
                await self._end(key)
                raise Refused("this refresh token was spent before")
            access, jti, end = self._minted(row.subject, row.roles)
            family, successor = _families.decode(row.data), carried.new_text()
            live = (*(one for one in family.live if one[1] > time.time()), (jti, end)) if self._blocked else ()
            now = replace(row, proof=carried.digest(successor), data=_encoded(family.signed_in, live))
            if await self._families.swap(row, now):
                return _held(row.subject, access, _text(key, successor))
        raise Refused("others are refreshing it without pause")  # pragma: no cover - each try has one who succeeds

    async def end(self, how: Ending, held: Held) -> None:
        match how:
            case "sign out":
                await self._end(_parsed(held.refresh)[0])
            case "disable" | "password change":
                await self._block(await self._families.end_all(held.subject))
            case "role change":
                # What is blocked comes back with the other roles from the next refresh.
                await self._block(await self._families.set_roles(held.subject, carried.written(DEMOTED)))

    async def kept_bytes(self) -> int:
        return self._kept

    async def close(self) -> None:
        await self._families.close()
        if self._blocked is not None:
            await self._blocked.close()

    async def _end(self, key: bytes) -> None:
        row = await self._families.end(key)
        await self._block([] if row is None else [row])

    async def _block(self, rows: Sequence[Row]) -> None:
        if self._blocked is None:
            return
        live = [one for row in rows for one in _families.decode(row.data).live]
        ended = [_ended(jti, end) for jti, end in live]
        if ended:
            await self._blocked.put(*ended)

    def _minted(self, subject: str, roles: str) -> tuple[str, str, int]:
        return self._signed.mint(subject, roles.split(), self._plan.access_seconds)

    def _begun(self, subject: str, roles: str, live: tuple[tuple[str, int], ...]) -> tuple[Row, str]:
        key, text = secrets.token_bytes(_FAMILY_BYTES), carried.new_text()
        row = Row(
            key=key,
            subject=subject,
            roles=roles,
            expires_at=int(time.time() + self._plan.session_seconds) + 1,
            data=_encoded(carried.signed_in(), live if self._blocked else ()),
            proof=carried.digest(text),
        )
        return row, _text(key, text)


class _Server:
    def __init__(self, signed: ByPyJwt, blocked: Table | None, count: Count) -> None:
        self.count = count
        self._signed = signed
        self._blocked = blocked

    async def verify(self, header: tuple[str, str]) -> Caller:
        caller, jti = self._signed.verify(carried.of_bearer(header))
        if self._blocked is not None and await self._blocked.get(jti.encode()) is not None:
            raise Refused("on the list of what has ended")
        return caller

    async def close(self) -> None:
        if self._blocked is not None:
            await self._blocked.close()


def _held(subject: str, access: str, refresh: str) -> Held:
    return Held(subject, carried.bearer(access), f"{access}\n{refresh}", refresh)


def _ended(jti: str, end: int) -> Row:
    return Row(key=jti.encode(), subject="", roles="", expires_at=end + 1)


def _encoded(signed_in: bytes, live: tuple[tuple[str, int], ...]) -> bytes:
    return msgspec.msgpack.encode(_Family(signed_in, live))


def _text(key: bytes, text: str) -> str:
    return f"{pybase64.urlsafe_b64encode(key).decode()}.{text}"


def _parsed(text: str | None) -> tuple[bytes, str]:
    family, _, presented = (text or "").partition(".")
    try:
        key = pybase64.b64decode(family, altchars=b"-_", validate=True)
    except ValueError as error:
        raise Refused("not a refresh token") from error
    if len(key) != _FAMILY_BYTES or not presented:
        raise Refused("not a refresh token")
    return key, presented


_STORES: tuple[Store, ...] = ("memory", "sqlite", "postgresql", "redis")
_BUILT = "An ES256 access token by PyJWT, and a refresh token that is rotated, with reuse detection"

HYBRID = Hybrid(
    About(
        id="hybrid",
        family="hybrid",
        title="Short token + refresh token",
        built=f"{_BUILT}; what ends takes effect at the next refresh.",
        stores=_STORES,
        carrier="bearer",
        ends=(),
        outsiders=True,
    ),
    blocks=False,
)
BLOCKLIST = Hybrid(
    About(
        id="hybrid-blocklist",
        family="hybrid",
        title="Short token + blocklist",
        built=f"{_BUILT}; each request reads the list of ended tokens in the same store.",
        stores=_STORES,
        carrier="bearer",
    ),
    blocks=True,
)
