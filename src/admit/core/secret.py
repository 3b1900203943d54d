"""Secrets: how they are made, written, kept as digests, and derived from one master secret."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from functools import lru_cache

import pybase64
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from admit.core import strict
from admit.core.world import Chance
from admit.errors import ConfigError, StoreError

SECRET_BYTES = 32
SECRET_DIGITS = 43
DIGEST_BYTES = 16
KEY_ID_DIGITS = 8
MIN_MASTER_BYTES = 32

_NONCE_BYTES = 12


def new_secret(chance: Chance) -> str:
    """A new secret of 256 bits, as 43 characters of base64url."""
    return written(chance(SECRET_BYTES))


def written(secret: bytes) -> str:
    """Bytes as base64url without padding (RFC 4648, section 5)."""
    return pybase64.urlsafe_b64encode(secret).rstrip(b"=").decode()


def digest(secret: str) -> bytes:
    """What a store keeps of a secret of full entropy: the first 16 bytes of its SHA-256."""
    return hashlib.sha256(secret.encode()).digest()[:DIGEST_BYTES]


def same(one: bytes, other: bytes) -> bool:
    """Whether two digests are equal, in constant time."""
    return hmac.compare_digest(one, other)


class Master:
    """The master secrets of a deployment: the first encrypts and derives for what is new, all serve what is old.

    Each is at least 32 bytes of chance. Nothing is used as it is: every purpose has a key of its own, derived
    by HKDF-SHA256 (RFC 5869) under the purpose as label. Made without secrets it is locked, and of no use
    until :meth:`unlock` brings them. Raises ConfigError.
    """

    def __init__(self, secrets: Sequence[bytes] | None = None, called: str = "Master secret") -> None:
        self._called = called
        self._secrets: dict[str, bytes] = {}
        if secrets is not None:
            self.unlock(secrets)

    def unlock(self, secrets: Sequence[bytes]) -> None:
        """Serve ``secrets`` from now on. Raises ConfigError."""
        faults = [
            f"{self._called} {place} has {len(secret)} bytes; write at least {MIN_MASTER_BYTES} random ones."
            for place, secret in enumerate(secrets, 1)
            if len(secret) < MIN_MASTER_BYTES
        ]
        if not secrets:
            faults.append(f"There is no master secret; write one of at least {MIN_MASTER_BYTES} random bytes.")
        if faults:
            raise ConfigError(faults)
        self._secrets = {_key_id(secret): secret for secret in secrets}

    @property
    def locked(self) -> bool:
        """Whether the secrets are still to come."""
        return not self._secrets

    @property
    def current(self) -> str:
        """The id of the first secret."""
        return next(iter(self._secrets))

    def key(self, purpose: str, key_id: str | None = None, size: int = 32) -> bytes | None:
        """The key for ``purpose`` under the master secret ``key_id`` (default: the first); None if it is gone."""
        secret = self._secrets.get(key_id or self.current)
        return None if secret is None else _derived(secret, purpose, size)

    def seal(self, plain: bytes, purpose: str, chance: Chance) -> str:
        """``plain`` encrypted for ``purpose`` by AES-256-GCM: ``<key id>.<nonce, ciphertext and tag>``."""
        key = _derived(self._secrets[self.current], f"seal {purpose}", 32)
        nonce = chance(_NONCE_BYTES)
        return f"{self.current}.{written(nonce + AESGCM(key).encrypt(nonce, plain, purpose.encode()))}"

    def unseal(self, sealed: str, purpose: str) -> bytes:
        """What :meth:`seal` was given. Raises StoreError when it was altered or its master secret is gone."""
        key_id, _, text = sealed.partition(".")
        secret = self._secrets.get(key_id)
        if secret is None:
            known = ", ".join(map(repr, self._secrets))
            fault = f"sealed under master secret {key_id!r}, which is not in the list ({known}): put it back"
            raise StoreError(f"{fault}; if it is lost for good, run “admit restore”, which signs everybody out")
        try:
            data = strict.base64url(text)
            key = _derived(secret, f"seal {purpose}", 32)
            return AESGCM(key).decrypt(data[:_NONCE_BYTES], data[_NONCE_BYTES:], purpose.encode())
        except (InvalidTag, ValueError) as error:
            raise StoreError(f"what was sealed for {purpose!r} has been altered") from error


@lru_cache(maxsize=256)
def _derived(secret: bytes, purpose: str, size: int) -> bytes:
    return HKDF(SHA256(), size, salt=None, info=f"admit 1 {purpose}".encode()).derive(secret)


def _key_id(secret: bytes) -> str:
    return written(_derived(secret, "key id", KEY_ID_DIGITS * 6 // 8))
