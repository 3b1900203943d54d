"""The signing keys of an authority: one keyring in the store, which every process reads."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from admit.core import keyring
from admit.core.audit import Act
from admit.core.jwk import SigningKey, VerifyingKey
from admit.core.keyring import Keyring
from admit.core.principal import Ends
from admit.core.secret import Master
from admit.core.store import Change, Insert, Key, Record, Replace
from admit.errors import Conflict, StoreError
from admit.ledger import TERM, Ledger

KEYRING: Key = (keyring.CODEC.kind, TERM[1])
"""The one record of the keyring. Of several processes that make it, one wins and the others read."""

REREAD_UNKNOWN = 5.0
"""Seconds between two reads for key ids that are not known, so that garbage costs no reads."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A signing key as people see it: ``state`` is next, current or retiring, ``since`` a Unix time."""

    kid: str
    alg: str
    state: str
    since: float


@dataclass(frozen=True, slots=True)
class _Read:
    """The keyring as it was read last, when, from which record, and whom it verifies until a key retires.

    ``revoked`` is how many keys were known to be compromised before it was read.
    """

    ring: Keyring
    record: Record
    at: float
    verifying: Mapping[str, VerifyingKey]
    until: float
    revoked: int


class SigningKeys:
    """Signs with the current key, knows those that verify, rotates and revokes."""

    def __init__(self, ledger: Ledger, master: Master, algorithm: str) -> None:
        self._ledger = ledger
        self._master = master
        self._algorithm = algorithm
        self._read: _Read | None = None

    def verifying(self, now: float) -> Mapping[str, VerifyingKey]:
        """The keys that verify at ``now``, by id, as far as they were read."""
        read = self._read
        if read is None:
            return {}
        if now >= read.until:  # a process that only verifies must let go of retired keys too
            read = self._keep(read.ring, read.record, read.at, now, read.revoked)
        return read.verifying

    def may_reread(self, now: float) -> bool:
        """Whether it is time to read the keyring again for a key id that is not known."""
        read = self._read
        return read is None or not read.at <= now < read.at + REREAD_UNKNOWN or read.revoked < self._revoked()

    async def reread(self) -> Keyring:
        """The keyring as it is in the store now; made if there is none. Raises StoreError."""
        return (await self._fetch()).ring

    async def reread_or_renew(self) -> Keyring:
        """The keyring; begun anew, and told, where the one in the store cannot be opened any more. Raises StoreError."""

        async def attempt() -> Keyring:
            [record] = await self._ledger.get(KEYRING)
            if record is None or self._opens(record):
                return await self.reread()
            now = self._ledger.clock.now()
            renewed = Keyring.new(await self._fresh(), await self._fresh(), now)
            told = (self._ledger.ended(Ends.KEY, kid) for kid in keyring.kids(record))
            noted = self._ledger.noted(Act.SIGNING_KEYS_CREATED, what=renewed.current.key.kid)
            await self._ledger.commit(Replace(self._record(renewed), record.version), *told, *noted)
            return await self.reread()

        return await self._ledger.decide(attempt)

    def _opens(self, record: Record) -> bool:
        try:
            Keyring.unsealed(record, self._master)
        except StoreError:
            return False
        return True

    async def signing(self) -> SigningKey:
        """The key to sign with. Never one that was read a minute ago, or that the log says is compromised."""
        return (await self._recent(self._ledger.clock.now())).ring.signing

    async def jwks(self) -> dict[str, list[dict[str, str]]]:
        """The public keys as a JWK Set (RFC 7517, section 5)."""
        now = self._ledger.clock.now()
        return (await self._recent(now)).ring.jwks(now)

    async def list(self) -> list[Listed]:
        """The keys and their states."""
        ring = (await self.reread()).drop(self._ledger.clock.now())
        states = [("current", ring.current), ("next", ring.next), *(("retiring", kept) for kept in ring.retiring)]
        return [Listed(kept.key.kid, kept.key.alg, state, kept.since) for state, kept in states]

    async def rotate(self) -> Keyring:
        """The keyring after ``next`` has become the key that signs. Raises BadInput when that is too early."""
        return await self._change(Act.SIGNING_KEY_ROTATED, lambda ring, now, fresh: ring.rotate(now, fresh))

    async def revoke(self, kid: str) -> Keyring:
        """The keyring without a compromised key; nothing that it signed is accepted any more. Raises BadInput."""
        return await self._change(
            Act.SIGNING_KEY_REVOKED, lambda ring, now, fresh: ring.revoke(kid, now, fresh), revoked=kid
        )

    async def _change(
        self, act: Act, change: Callable[[Keyring, float, SigningKey], Keyring], *, revoked: str = ""
    ) -> Keyring:
        told: tuple[Change, ...] = (self._ledger.ended(Ends.KEY, revoked),) if revoked else ()

        async def attempt() -> Keyring:
            known, read = self._revoked(), await self._fetch()
            now = self._ledger.clock.now()
            ring = change(read.ring, now, await self._fresh())
            record = self._record(ring)
            noted = self._ledger.noted(act, what=revoked or ring.current.key.kid)
            await self._ledger.commit(Replace(record, read.record.version), *told, *noted)
            return self._keep(ring, record, now, now, known).ring

        return await self._ledger.decide(attempt)

    async def _recent(self, now: float) -> _Read:
        read = self._read
        # Whoever revoked a key put another into its place, which signs at once if its own turn comes.
        if read is None or not read.at <= now < read.at + keyring.REREAD or read.revoked < self._revoked():
            return await self._fetch()
        return read

    async def _fetch(self) -> _Read:
        now, revoked = self._ledger.clock.now(), self._revoked()
        [record] = await self._ledger.get(KEYRING)
        if record is None:
            return await self._make(now, revoked)
        read = self._read
        if read is None or read.record.version != record.version:
            return self._keep(Keyring.unsealed(record, self._master), record, now, now, revoked)
        # JWT-09: anybody can ask for this, with a token that names an unknown key, and an RSA key takes 40 ms to open.
        return self._keep(read.ring, record, now, now, revoked)

    async def _make(self, now: float, revoked: int) -> _Read:
        ring = Keyring.new(await self._fresh(), await self._fresh(), now)
        record = self._record(ring)
        try:
            noted = self._ledger.noted(Act.SIGNING_KEYS_CREATED, what=ring.current.key.kid)
            await self._ledger.commit(Insert(record), *noted)
        except Conflict:  # another process was faster, and its keys are ours
            return await self._fetch()
        return self._keep(ring, record, now, now, revoked)

    async def _fresh(self) -> SigningKey:
        # In a thread: an RSA key takes a good part of a second.
        return await asyncio.to_thread(SigningKey.generate, self._algorithm, self._ledger.chance)

    def _keep(self, ring: Keyring, record: Record, at: float, now: float, revoked: int) -> _Read:
        retiring = ring.drop(now).retiring
        until = min((kept.since + keyring.RETIRES_FOR for kept in retiring), default=math.inf)
        # As a whole, not only what is alive: a clock that was ahead may be set back.
        self._read = read = _Read(ring, record, at, ring.verifying(now), until, revoked)
        return read

    def _record(self, ring: Keyring) -> Record:
        return Record(*KEYRING, ring.sealed(self._master, self._ledger.chance), self._ledger.version())

    def _revoked(self) -> int:
        """How many keys are known to be compromised; they stay known for good."""
        return len(self._ledger.copy.ended[Ends.KEY])
