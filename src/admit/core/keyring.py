"""The signing keys of an authority as one value: next, then current, then retiring, then gone."""

from __future__ import annotations

from dataclasses import dataclass, replace

import msgspec

from admit.core.codec import Codec
from admit.core.jwk import SigningKey, VerifyingKey
from admit.core.log import KEEP
from admit.core.secret import Master
from admit.core.store import Record
from admit.core.world import Chance
from admit.errors import BadInput, StoreError

REREAD = 60.0
"""Seconds after which every process reads the keyring again, and signs with the key that is current then."""

PUBLISHED_BEFORE_USE = 10 * 60.0
"""Seconds for which the next key stands in the JWK Set before it signs, so that whoever caches the set has it."""

RETIRES_FOR = REREAD + KEEP
"""Seconds a retiring key goes on verifying: until the last token that a slow process signed with it is over."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A key in the ring, and the time since which it is next, current or retiring."""

    key: SigningKey
    since: float


@dataclass(frozen=True, slots=True)
class Keyring:
    """The signing keys of an authority: ``next`` is published, ``current`` signs, those of before are ``retiring``.

    A value: every change gives another ring. Times are seconds since the Unix epoch; ``fresh`` is a new key, to
    become the next one, and may be of another algorithm than those before it.
    """

    current: Kept
    next: Kept
    retiring: tuple[Kept, ...] = ()

    def __post_init__(self) -> None:
        if len({kept.key.kid for kept in self.keys}) < len(self.keys):
            raise BadInput("duplicate_key", "Two signing keys have the same id.", field="kid")

    @classmethod
    def new(cls, current: SigningKey, fresh: SigningKey, now: float) -> Keyring:
        """A ring of two keys, the first of which signs at once: nobody can have cached a set without it."""
        return cls(Kept(current, now), Kept(fresh, now))

    @property
    def keys(self) -> tuple[Kept, ...]:
        """All of them, the current one first."""
        return (self.current, self.next, *self.retiring)

    @property
    def signing(self) -> SigningKey:
        """The key that signs."""
        return self.current.key

    def verifying(self, now: float) -> dict[str, VerifyingKey]:
        """The keys that verify, by key id: current, next, and those that retire."""
        return {kept.key.kid: kept.key.verifying() for kept in self.drop(now).keys}

    def jwks(self, now: float) -> dict[str, list[dict[str, str]]]:
        """The JWK Set to publish (RFC 7517, section 5). It never holds a secret, and so no HS256 key."""
        return {"keys": [jwk for key in self.verifying(now).values() if (jwk := key.jwk()) is not None]}

    def rotate(self, now: float, fresh: SigningKey) -> Keyring:
        """The ring in which ``next`` signs and the key before it retires.

        Raises BadInput while ``next`` has been published for less than ten minutes: whoever cached the set
        before could not verify what it signs.
        """
        wait = self.next.since + PUBLISHED_BEFORE_USE - now
        if wait > 0:
            raise BadInput("too_early", f"The next key was published only lately; rotate in {wait:.0f} seconds.")
        retiring = (*self.drop(now).retiring, Kept(self.current.key, now))
        return Keyring(Kept(self.next.key, now), Kept(fresh, now), retiring)

    def revoke(self, kid: str, now: float, fresh: SigningKey) -> Keyring:
        """The ring without a key that is compromised; what it signed is void at once.

        In the place of the current key ``next`` signs, however young it is; where a retiring key goes, ``fresh``
        is not needed. Raises BadInput for an unknown key.
        """
        if kid == self.current.key.kid:
            return replace(self, current=Kept(self.next.key, now), next=Kept(fresh, now))
        if kid == self.next.key.kid:
            return replace(self, next=Kept(fresh, now))
        retiring = tuple(kept for kept in self.retiring if kept.key.kid != kid)
        if len(retiring) == len(self.retiring):
            raise BadInput("unknown_key", f"There is no signing key {kid!r}.", field="kid")
        return replace(self, retiring=retiring)

    def drop(self, now: float) -> Keyring:
        """The ring without the keys that nothing alive can be signed with."""
        return replace(self, retiring=tuple(kept for kept in self.retiring if now < kept.since + RETIRES_FOR))

    def sealed(self, master: Master, chance: Chance) -> bytes:
        """The body of the record that keeps the ring, each key encrypted under a label of its own."""

        def seal(kept: Kept) -> _Sealed:
            plain = msgspec.json.encode(kept.key.secret_jwk())
            return _Sealed(kept.key.kid, kept.since, master.seal(plain, _purpose(kept.key.kid), chance))

        return CODEC.encode(_Body(seal(self.current), seal(self.next), tuple(map(seal, self.retiring))))

    @classmethod
    def unsealed(cls, record: Record, master: Master) -> Keyring:
        """The ring that ``record`` keeps. Raises StoreError when it cannot be read or was altered."""

        def unseal(sealed: _Sealed) -> Kept:
            plain = master.unseal(sealed.jwk, _purpose(sealed.kid))
            return Kept(SigningKey.from_jwk(msgspec.json.decode(plain)), sealed.since)

        body = CODEC.decode(record)
        try:
            return cls(unseal(body.current), unseal(body.next), tuple(map(unseal, body.retiring)))
        except BadInput as error:
            raise StoreError(f"the keyring {record.id!r} cannot be used: {error}") from error


def kids(record: Record) -> tuple[str, ...]:
    """The ids of the keys that ``record`` keeps; they are not sealed. None where it cannot be read at all."""
    try:
        body = CODEC.decode(record)
    except StoreError:
        return ()
    return (body.current.kid, body.next.kid, *(sealed.kid for sealed in body.retiring))


class _Sealed(msgspec.Struct, frozen=True):
    """A key with its private members, which only the master secret opens."""

    kid: str
    since: float
    jwk: str


class _Body(msgspec.Struct, frozen=True):
    """The signing keys, each sealed under the master secret, and since when it is next, current or retiring."""

    current: _Sealed
    next: _Sealed
    retiring: tuple[_Sealed, ...]


CODEC = Codec("keyring", _Body)


def _purpose(kid: str) -> str:
    return f"signing key {kid}"
