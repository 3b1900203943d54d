"""Keys that verify and keys that sign: from and to JWK (RFC 7517) and PEM, each of exactly one algorithm."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from admit.core import strict
from admit.core.algorithms import ALGORITHMS, Algorithm, unfit
from admit.core.secret import written
from admit.core.world import Chance
from admit.errors import BadCredential

Jwk = Mapping[str, object]
T = TypeVar("T")

MAX_KID = 128
"""Characters of a key id: it is looked up in a map, and nothing else is ever done with it."""

MAX_SET_BYTES = 256 * 1024
"""Bytes of a JWK Set."""


class _Set(msgspec.Struct):
    keys: list[dict[str, Any]]


_set = msgspec.json.Decoder(_Set)


@dataclass(frozen=True, slots=True)
class VerifyingKey:
    """What verifies the signatures of one signing key: public, except for HS256, where it is the secret itself."""

    kid: str
    alg: str
    material: Any = field(repr=False)

    @classmethod
    def from_jwk(cls, jwk: Jwk, alg: str | None = None) -> VerifyingKey:
        """The key in ``jwk``, for ``alg`` where the JWK does not say it. Raises BadInput for an unfit key.

        The key id is its ``kid``, else its thumbprint.
        """
        algorithm = _algorithm(jwk, alg, "verify")
        if any(name in jwk for name in algorithm.private_members):
            raise unfit("This JWK holds a private key, which must not be where keys are published.")
        key = algorithm.judge(_readable(lambda: algorithm.read(jwk)))
        return cls(_kid(jwk, algorithm, key), algorithm.name, key)

    @classmethod
    def from_pem(cls, pem: bytes, alg: str, kid: str | None = None) -> VerifyingKey:
        """The public key in ``pem`` (SubjectPublicKeyInfo), for ``alg``. Raises BadInput for an unfit key."""
        algorithm = _row(alg)
        key = algorithm.judge(_readable(lambda: load_pem_public_key(pem)))
        return cls(kid or thumbprint(alg, key), alg, key)

    def verify(self, data: bytes, signature: bytes, alg: str) -> None:
        """Raise BadCredential unless ``signature`` is one of ``data`` under this key, and claims its algorithm."""
        # RFC 8725, sections 3.1 and 3.2: the key decides; what came with the signature may only agree.
        if alg != self.alg:
            raise BadCredential(f"the signature claims {alg!r}, the key is for {self.alg}")
        try:
            ALGORITHMS[alg].verify(self.material, data, signature)
        except InvalidSignature as error:
            raise BadCredential("the signature does not fit") from error

    def jwk(self) -> dict[str, str] | None:
        """The JWK to publish; None for HS256, whose key is a secret."""
        algorithm = ALGORITHMS[self.alg]
        if algorithm.symmetric:
            return None
        return _head(self.kid, algorithm) | algorithm.members(self.material)

    def pem(self) -> bytes:
        """The public key as PEM (SubjectPublicKeyInfo). Raises BadInput for HS256."""
        if ALGORITHMS[self.alg].symmetric:
            raise unfit(f"{self.alg} has no public key.")
        pem: bytes = self.material.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        return pem


@dataclass(frozen=True, slots=True)
class SigningKey:
    """What makes signatures of one algorithm, and its id."""

    kid: str
    alg: str
    material: Any = field(repr=False)

    @classmethod
    def generate(cls, alg: str, chance: Chance) -> SigningKey:
        """A new key for ``alg``, named by its thumbprint. RSA takes a good part of a second, and OpenSSL's chance."""
        algorithm = _row(alg)
        key = algorithm.generate(chance)
        return cls(thumbprint(alg, algorithm.public(key)), alg, key)

    @classmethod
    def from_jwk(cls, jwk: Jwk, alg: str | None = None) -> SigningKey:
        """The private key in ``jwk``, for ``alg`` where the JWK does not say it. Raises BadInput for an unfit key."""
        algorithm = _algorithm(jwk, alg, "sign")
        key = algorithm.judge_private(_readable(lambda: algorithm.read_private(jwk)))
        return cls(_kid(jwk, algorithm, algorithm.public(key)), algorithm.name, key)

    @classmethod
    def from_pem(cls, pem: bytes, alg: str, kid: str | None = None) -> SigningKey:
        """The private key in ``pem`` (unencrypted), for ``alg``. Raises BadInput for an unfit key."""
        algorithm = _row(alg)
        key = algorithm.judge_private(_readable(lambda: load_pem_private_key(pem, None)))
        return cls(kid or thumbprint(alg, algorithm.public(key)), alg, key)

    def sign(self, data: bytes) -> bytes:
        """The signature of ``data``, in the form of RFC 7518."""
        return ALGORITHMS[self.alg].sign(self.material, data)

    def verifying(self) -> VerifyingKey:
        """What verifies its signatures."""
        return VerifyingKey(self.kid, self.alg, ALGORITHMS[self.alg].public(self.material))

    def secret_jwk(self) -> dict[str, str]:
        """The JWK with the private members, for a sealed place only."""
        algorithm = ALGORITHMS[self.alg]
        members = algorithm.members(algorithm.public(self.material)) | algorithm.secrets(self.material)
        return _head(self.kid, algorithm) | members

    def secret_pem(self) -> bytes:
        """The private key as PEM (PKCS #8, unencrypted). Raises BadInput for HS256."""
        if ALGORITHMS[self.alg].symmetric:
            raise unfit(f"{self.alg} keys have no PEM form.")
        pem: bytes = self.material.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return pem


def key_set(document: bytes) -> dict[str, VerifyingKey]:
    """The keys of a published JWK Set by their ids. Raises BadInput for a set that cannot be trusted.

    Keys for another use or algorithm are left out (RFC 7517, section 5). A set with a weak or a private key, a
    secret, or two keys of one id is refused as a whole: whoever published it made a mistake that others can use.
    """
    if len(document) > MAX_SET_BYTES:
        raise unfit(f"The JWK Set has more than {MAX_SET_BYTES} bytes.")
    try:
        entries = strict.decoded(document, _set).keys
    except ValueError as error:
        raise unfit(f"This is no JWK Set: {error}.") from error
    keys: dict[str, VerifyingKey] = {}
    for jwk in entries:
        if jwk.get("kty") == "oct" or "d" in jwk:
            raise unfit("The JWK Set publishes a secret.")
        if jwk.get("use", "sig") != "sig" or jwk.get("alg") not in ALGORITHMS:
            continue
        key = VerifyingKey.from_jwk(jwk)
        if key.kid in keys:
            raise unfit(f"The JWK Set names two keys {key.kid!r}.")
        keys[key.kid] = key
    return keys


def thumbprint(alg: str, key: object) -> str:
    """The SHA-256 thumbprint of a verifying key (RFC 7638)."""
    algorithm = _row(alg)
    members = {"kty": algorithm.kty} | algorithm.members(key)
    if algorithm.crv is not None:
        members["crv"] = algorithm.crv
    return written(hashlib.sha256(msgspec.json.encode(members, order="sorted")).digest())


def _row(alg: object) -> Algorithm[Any, Any]:
    if isinstance(alg, str) and alg in ALGORITHMS:
        return ALGORITHMS[alg]
    raise unfit(f"{alg!r} is no algorithm that is supported; there are {', '.join(ALGORITHMS)}.")


def _algorithm(jwk: Jwk, alg: str | None, operation: str) -> Algorithm[Any, Any]:
    """The one algorithm ``jwk`` is for, if it may be used for ``operation`` (RFC 7517, sections 4.1 to 4.4)."""
    said = jwk.get("alg", alg)
    if alg is not None and said != alg:
        raise unfit(f"The JWK is for {said!r}, not for {alg}.")
    algorithm = _row(said)
    if (jwk.get("kty"), jwk.get("crv")) != (algorithm.kty, algorithm.crv):
        raise unfit(f"The JWK is no key for {algorithm.name}: wrong “kty” or “crv”.")
    operations = jwk.get("key_ops", [operation])
    if jwk.get("use", "sig") != "sig" or not isinstance(operations, list) or operation not in operations:
        raise unfit(f"The JWK is not meant to {operation}: see its “use” and “key_ops”.")
    return algorithm


def _kid(jwk: Jwk, algorithm: Algorithm[Any, Any], key: object) -> str:
    kid = jwk.get("kid")
    if kid is None:
        return thumbprint(algorithm.name, key)
    if not isinstance(kid, str) or not 0 < len(kid) <= MAX_KID or not kid.isprintable():
        raise unfit(f"The “kid” of the JWK is not 1 to {MAX_KID} printable characters.")
    return kid


def _head(kid: str, algorithm: Algorithm[Any, Any]) -> dict[str, str]:
    head = {"kty": algorithm.kty, "kid": kid, "use": "sig", "alg": algorithm.name}
    return head if algorithm.crv is None else head | {"crv": algorithm.crv}


def _readable(read: Callable[[], T]) -> T:
    try:
        return read()
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise unfit(f"The key cannot be read: {error}.") from error
