"""The closed table of signature algorithms: everything about one of them in one place.

There is no way to add one from outside, and ``none`` is not a row. Keys are those of ``cryptography``,
or bytes for HMAC. A key that is unfit raises BadInput when it is read, so that it never meets a signature.
"""

from __future__ import annotations

import hashlib
import hmac
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, ClassVar, Generic, TypeVar

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC

from admit.core.secret import written
from admit.core.strict import base64url
from admit.core.world import Chance
from admit.errors import BadInput

Public = TypeVar("Public")
Private = TypeVar("Private")

MIN_RSA_BITS = 2048
MAX_RSA_BITS = 8192
MIN_HMAC_BYTES = 32


def unfit(why: str) -> BadInput:
    """The error for a key that must not be used."""
    return BadInput("bad_key", why, field="key")


def member(jwk: Mapping[str, object], name: str) -> bytes:
    """The bytes of one member of a JWK. Raises BadInput when it is missing or not strict base64url."""
    text = jwk.get(name)
    if not isinstance(text, str) or not text:
        raise unfit(f"The JWK has no member “{name}” that is text.")
    try:
        return base64url(text)
    except ValueError as error:
        raise unfit(f"The member “{name}” of the JWK is {error}.") from error


class Algorithm(ABC, Generic[Public, Private]):
    """One algorithm: how its keys are made, read, judged and used.

    ``kty`` and ``crv`` are those of its JWKs (RFC 7517), ``public_members`` what a thumbprint covers beside them.
    """

    kty: ClassVar[str]
    crv: ClassVar[str | None] = None
    public_members: ClassVar[tuple[str, ...]]
    private_members: ClassVar[tuple[str, ...]]
    symmetric: ClassVar[bool] = False

    def __init__(self, name: str) -> None:
        self.name = name

    @abstractmethod
    def generate(self, chance: Chance) -> Private:
        """A new key."""

    @abstractmethod
    def public(self, key: Private) -> Public:
        """What verifies the signatures of ``key``."""

    @abstractmethod
    def judge(self, key: object) -> Public:
        """``key`` itself, if it verifies signatures of this algorithm and is fit to. Raises BadInput."""

    @abstractmethod
    def judge_private(self, key: object) -> Private:
        """``key`` itself, if it makes signatures of this algorithm. Raises BadInput."""

    @abstractmethod
    def read(self, jwk: Mapping[str, object]) -> object:
        """The public key in ``jwk``, not judged yet. Raises BadInput, ValueError."""

    @abstractmethod
    def read_private(self, jwk: Mapping[str, object]) -> object:
        """The private key in ``jwk``, not judged yet. Raises BadInput, ValueError."""

    @abstractmethod
    def members(self, key: Public) -> dict[str, str]:
        """The public members of its JWK."""

    @abstractmethod
    def secrets(self, key: Private) -> dict[str, str]:
        """The private members of its JWK."""

    @abstractmethod
    def sign(self, key: Private, data: bytes) -> bytes:
        """The signature of ``data``."""

    @abstractmethod
    def verify(self, key: Public, data: bytes, signature: bytes) -> None:
        """Raises InvalidSignature unless ``signature`` is one of ``data``."""


class _Ecdsa(Algorithm[ec.EllipticCurvePublicKey, ec.EllipticCurvePrivateKey]):
    """ECDSA on P-256 with SHA-256; a signature is ``r`` and ``s``, 32 bytes each (RFC 7518, section 3.4)."""

    kty = "EC"
    crv = "P-256"
    public_members = ("x", "y")
    private_members = ("d",)

    _curve = ec.SECP256R1()
    _order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    _hash = ec.ECDSA(SHA256())

    def generate(self, chance: Chance) -> ec.EllipticCurvePrivateKey:
        # FIPS 186-5, A.2.1: 64 bits more than the order has, so that the remainder shows no bias.
        return ec.derive_private_key(int.from_bytes(chance(40)) % (self._order - 1) + 1, self._curve)

    def public(self, key: ec.EllipticCurvePrivateKey) -> ec.EllipticCurvePublicKey:
        return key.public_key()

    def judge(self, key: object) -> ec.EllipticCurvePublicKey:
        if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
            return key
        raise unfit(f"{self.name} needs an elliptic curve key on P-256.")

    def judge_private(self, key: object) -> ec.EllipticCurvePrivateKey:
        if isinstance(key, ec.EllipticCurvePrivateKey):
            self.judge(key.public_key())
            return key
        raise unfit(f"{self.name} needs a private elliptic curve key on P-256.")

    def read(self, jwk: Mapping[str, object]) -> ec.EllipticCurvePublicKey:
        return self._numbers(jwk).public_key()  # raises ValueError for a point that is not on the curve

    def read_private(self, jwk: Mapping[str, object]) -> ec.EllipticCurvePrivateKey:
        scalar = int.from_bytes(self._coordinate(jwk, "d"))
        return ec.EllipticCurvePrivateNumbers(scalar, self._numbers(jwk)).private_key()

    def members(self, key: ec.EllipticCurvePublicKey) -> dict[str, str]:
        point = key.public_numbers()
        return {"x": written(point.x.to_bytes(32)), "y": written(point.y.to_bytes(32))}

    def secrets(self, key: ec.EllipticCurvePrivateKey) -> dict[str, str]:
        return {"d": written(key.private_numbers().private_value.to_bytes(32))}

    def sign(self, key: ec.EllipticCurvePrivateKey, data: bytes) -> bytes:
        r, s = decode_dss_signature(key.sign(data, self._hash))
        return r.to_bytes(32) + s.to_bytes(32)

    def verify(self, key: ec.EllipticCurvePublicKey, data: bytes, signature: bytes) -> None:
        r, s = int.from_bytes(signature[:32]), int.from_bytes(signature[32:])
        # CVE-2022-21449: with r = s = 0 a careless verifier finds every signature good.
        if len(signature) != 64 or not (0 < r < self._order and 0 < s < self._order):
            raise InvalidSignature
        key.verify(encode_dss_signature(r, s), data, self._hash)

    def _numbers(self, jwk: Mapping[str, object]) -> ec.EllipticCurvePublicNumbers:
        x, y = self._coordinate(jwk, "x"), self._coordinate(jwk, "y")
        return ec.EllipticCurvePublicNumbers(int.from_bytes(x), int.from_bytes(y), self._curve)

    def _coordinate(self, jwk: Mapping[str, object], name: str) -> bytes:
        value = member(jwk, name)
        if len(value) != 32:  # RFC 7518, section 6.2.1.2: leading zeros stay
            raise unfit(f"The member “{name}” of the JWK has {len(value)} bytes; on P-256 it has 32.")
        return value


class _Ed25519(Algorithm[Ed25519PublicKey, Ed25519PrivateKey]):
    """Ed25519 (RFC 8037), under its full name (RFC 9864) or as ``EdDSA``: two rows, and a key is of one of them."""

    kty = "OKP"
    crv = "Ed25519"
    public_members = ("x",)
    private_members = ("d",)

    _prime = 2**255 - 19
    _d = 0x52036CEE2B6FFE738CC740797779E89800700A4D4141D8AB75EB4DCA135978A3

    def generate(self, chance: Chance) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(chance(32))

    def public(self, key: Ed25519PrivateKey) -> Ed25519PublicKey:
        return key.public_key()

    def judge(self, key: object) -> Ed25519PublicKey:
        if not isinstance(key, Ed25519PublicKey):
            raise unfit(f"{self.name} needs an Ed25519 key.")
        # The curve is -x² + y² = 1 + d·x²·y². Under a point of small order (x, y or x² + y² is 0) anybody
        # can sign: it is refused together with what is no point at all.
        p = self._prime
        y = int.from_bytes(key.public_bytes_raw(), "little") & (1 << 255) - 1
        yy = y * y % p
        xx = (yy - 1) * pow(self._d * yy + 1, -1, p) % p
        if y >= p or xx * yy * (xx + yy) % p == 0 or pow(xx, (p - 1) // 2, p) != 1:
            raise unfit("The Ed25519 key is not a point of the curve that can be trusted.")
        return key

    def judge_private(self, key: object) -> Ed25519PrivateKey:
        if not isinstance(key, Ed25519PrivateKey):
            raise unfit(f"{self.name} needs a private Ed25519 key.")
        return key

    def read(self, jwk: Mapping[str, object]) -> Ed25519PublicKey:
        return Ed25519PublicKey.from_public_bytes(member(jwk, "x"))

    def read_private(self, jwk: Mapping[str, object]) -> Ed25519PrivateKey:
        key = Ed25519PrivateKey.from_private_bytes(member(jwk, "d"))
        if key.public_key().public_bytes_raw() != member(jwk, "x"):
            raise unfit("The private and the public part of the JWK do not belong together.")
        return key

    def members(self, key: Ed25519PublicKey) -> dict[str, str]:
        return {"x": written(key.public_bytes_raw())}

    def secrets(self, key: Ed25519PrivateKey) -> dict[str, str]:
        return {"d": written(key.private_bytes_raw())}

    def sign(self, key: Ed25519PrivateKey, data: bytes) -> bytes:
        return key.sign(data)

    def verify(self, key: Ed25519PublicKey, data: bytes, signature: bytes) -> None:
        key.verify(signature, data)


_PRIMES = [n for n in range(3, 1000, 2) if all(n % d for d in range(3, math.isqrt(n) + 1, 2))]
_SMALL_PRIMES = math.prod(_PRIMES)
# CVE-2017-15361 (ROCA): modulo each of the first primes, the moduli of that library are powers of 65537.
_ROCA = {p: {pow(65_537, power, p) for power in range(p)} for p in _PRIMES if p <= 167}


class _Rsa(Algorithm[rsa.RSAPublicKey, rsa.RSAPrivateKey]):
    """RSA with SHA-256, whose signatures :class:`_Pkcs1` and :class:`_Pss` pad."""

    kty = "RSA"
    public_members = ("n", "e")
    private_members = ("d", "p", "q", "dp", "dq", "qi")

    _hash = SHA256()
    _padding: padding.AsymmetricPadding

    def generate(self, chance: Chance) -> rsa.RSAPrivateKey:
        """A new key of 2048 bits; takes a good part of a second, and its chance from OpenSSL."""
        del chance
        return rsa.generate_private_key(65_537, MIN_RSA_BITS)

    def public(self, key: rsa.RSAPrivateKey) -> rsa.RSAPublicKey:
        return key.public_key()

    def judge(self, key: object) -> rsa.RSAPublicKey:
        if not isinstance(key, rsa.RSAPublicKey):
            raise unfit(f"{self.name} needs an RSA key.")
        numbers = key.public_numbers()
        if not MIN_RSA_BITS <= key.key_size <= MAX_RSA_BITS:
            raise unfit(f"The RSA key has {key.key_size} bits; use one of {MIN_RSA_BITS} to {MAX_RSA_BITS}.")
        if not 65_537 <= numbers.e < 1 << 32 or numbers.e % 2 == 0:
            raise unfit("The RSA key has an unusual public exponent; use 65537.")
        if numbers.n % 2 == 0 or math.gcd(numbers.n, _SMALL_PRIMES) != 1:
            raise unfit("The RSA modulus has a small factor; everybody can sign with this key.")
        if all(numbers.n % prime in powers for prime, powers in _ROCA.items()):
            raise unfit("The RSA key was made by a broken library (CVE-2017-15361); make a new one.")
        return key

    def judge_private(self, key: object) -> rsa.RSAPrivateKey:
        if not isinstance(key, rsa.RSAPrivateKey):
            raise unfit(f"{self.name} needs a private RSA key.")
        self.judge(key.public_key())
        return key

    def read(self, jwk: Mapping[str, object]) -> rsa.RSAPublicKey:
        return self._numbers(jwk).public_key()

    def read_private(self, jwk: Mapping[str, object]) -> rsa.RSAPrivateKey:
        if "oth" in jwk:
            raise unfit("An RSA key of more than two primes is not supported.")
        d, p, q, dp, dq, qi = (int.from_bytes(member(jwk, name)) for name in self.private_members)
        public = self._numbers(jwk)
        self.judge(public.public_key())  # before the arithmetic on the private numbers, whose work it bounds
        return rsa.RSAPrivateNumbers(p, q, d, dp, dq, qi, public).private_key()

    def members(self, key: rsa.RSAPublicKey) -> dict[str, str]:
        numbers = key.public_numbers()
        return {"n": _uint(numbers.n), "e": _uint(numbers.e)}

    def secrets(self, key: rsa.RSAPrivateKey) -> dict[str, str]:
        numbers = key.private_numbers()
        values = (numbers.d, numbers.p, numbers.q, numbers.dmp1, numbers.dmq1, numbers.iqmp)
        return {name: _uint(value) for name, value in zip(self.private_members, values, strict=True)}

    def sign(self, key: rsa.RSAPrivateKey, data: bytes) -> bytes:
        return key.sign(data, self._padding, self._hash)

    def verify(self, key: rsa.RSAPublicKey, data: bytes, signature: bytes) -> None:
        key.verify(signature, data, self._padding, self._hash)

    def _numbers(self, jwk: Mapping[str, object]) -> rsa.RSAPublicNumbers:
        n, e = (int.from_bytes(member(jwk, name)) for name in self.public_members)
        return rsa.RSAPublicNumbers(e, n)


class _Pkcs1(_Rsa):
    """RSASSA-PKCS1-v1_5 with SHA-256 (RFC 7518, section 3.3)."""

    _padding = padding.PKCS1v15()
    _prefix = bytes.fromhex("3031300d060960864801650304020105000420")  # says SHA-256 in DER (RFC 8017, 9.2)

    def verify(self, key: rsa.RSAPublicKey, data: bytes, signature: bytes) -> None:
        # RFC 8017, section 8.2.2: what was signed is recovered and compared as a whole with what had to be signed;
        # verifiers that parsed it were forged (CVE-2006-4339). Nor may a zero in front of the signature be left out.
        signed = key.recover_data_from_signature(signature, self._padding, None)
        if signed != self._prefix + hashlib.sha256(data).digest() or len(signature) != (key.key_size + 7) // 8:
            raise InvalidSignature


class _Pss(_Rsa):
    """RSASSA-PSS with SHA-256 and a salt as long as the digest (RFC 7518, section 3.5)."""

    _padding = padding.PSS(padding.MGF1(SHA256()), padding.PSS.DIGEST_LENGTH)


@dataclass(frozen=True, slots=True)
class _Mac:
    """A secret, and HMAC with its key already taken in (RFC 2104, section 4): half the time of a fresh one."""

    secret: bytes = field(repr=False)
    keyed: HMAC = field(repr=False, compare=False)


class _Hmac(Algorithm[_Mac, bytes]):
    """HMAC with SHA-256 (RFC 7518, section 3.2): who can verify can sign, so it is for who issues to himself only."""

    kty = "oct"
    public_members = ("k",)
    private_members = ()
    symmetric = True

    def generate(self, chance: Chance) -> bytes:
        return chance(MIN_HMAC_BYTES)

    def public(self, key: bytes) -> _Mac:
        return _Mac(key, HMAC(key, SHA256()))

    def judge(self, key: object) -> _Mac:
        return self.public(self.judge_private(key))

    def judge_private(self, key: object) -> bytes:
        if not isinstance(key, bytes):
            raise unfit(f"{self.name} needs a key of random bytes.")
        if len(key) < MIN_HMAC_BYTES:
            raise unfit(f"The HMAC key has {len(key)} bytes; use at least {MIN_HMAC_BYTES} random ones.")
        # CVE-2016-10555: the text of a public key is known to everybody.
        if b"-----BEGIN" in key or key.startswith(b"ssh-"):
            raise unfit("The HMAC key is the text of an asymmetric key; use random bytes.")
        return key

    def read(self, jwk: Mapping[str, object]) -> bytes:
        return member(jwk, "k")

    read_private = read

    def members(self, key: _Mac) -> dict[str, str]:
        return {"k": written(key.secret)}

    def secrets(self, key: bytes) -> dict[str, str]:
        return {"k": written(key)}

    def sign(self, key: bytes, data: bytes) -> bytes:
        return hmac.digest(key, data, "sha256")

    def verify(self, key: _Mac, data: bytes, signature: bytes) -> None:
        mac = key.keyed.copy()
        mac.update(data)
        mac.verify(signature)  # compares in constant time


def _uint(value: int) -> str:
    return written(value.to_bytes((value.bit_length() + 7) // 8))


ALGORITHMS: Mapping[str, Algorithm[Any, Any]] = MappingProxyType(
    {
        algorithm.name: algorithm
        for algorithm in (
            _Ecdsa("ES256"),
            _Ed25519("Ed25519"),
            _Ed25519("EdDSA"),
            _Pkcs1("RS256"),
            _Pss("PS256"),
            _Hmac("HS256"),
        )
    }
)
"""By the name that stands in the header of a JWS."""
