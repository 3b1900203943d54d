"""What every process of a measurement derives from its one secret: the same keys, so that nothing has to be handed on."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from itertools import count

from cryptography.hazmat.primitives.asymmetric import rsa

from admit.core.jwk import SigningKey, thumbprint

ISSUER = "https://lab.example"
"""Who issues in every strategy, and for whom; nobody is asked there."""

_EXPONENT = 65_537
_PRIME_BITS = 1_024
_ROUNDS = 8  # FIPS 186-5, table B.1, asks for 4 at this size
_SMALL = [number for number in range(3, 5_000, 2) if all(number % other for other in range(3, int(number**0.5) + 1, 2))]


def derived(secret: bytes, purpose: str, size: int = 32) -> bytes:
    """``size`` bytes for ``purpose``."""
    return hashlib.shake_256(purpose.encode() + b"\0" + secret).digest(size)


@lru_cache(maxsize=16)
def signing_key(secret: bytes, alg: str) -> SigningKey:
    """The key for ``alg``. RSA takes about half a second."""
    if alg != "RS256":
        return SigningKey.generate(alg, lambda size: derived(secret, alg, size))
    p, q = (_prime(secret, name) for name in ("p", "q"))
    private = pow(_EXPONENT, -1, (p - 1) * (q - 1))
    exponents = rsa.rsa_crt_dmp1(private, p), rsa.rsa_crt_dmq1(private, q), rsa.rsa_crt_iqmp(p, q)
    public = rsa.RSAPublicNumbers(_EXPONENT, p * q)
    # cryptography has no RSA keys of a seed; it judges what it is given here.
    key = rsa.RSAPrivateNumbers(p, q, private, *exponents, public).private_key()
    return SigningKey(thumbprint(alg, key.public_key()), alg, key)


def _prime(secret: bytes, name: str) -> int:
    for turn in count():
        bits = int.from_bytes(derived(secret, f"RS256 {name} {turn}", _PRIME_BITS // 8))
        # The two highest bits, so that the product has its full length.
        candidate = bits | 3 << _PRIME_BITS - 2 | 1
        if all(candidate % small for small in _SMALL) and (candidate - 1) % _EXPONENT and _is_prime(candidate, secret):
            return candidate
    raise AssertionError  # pragma: no cover - there is always another turn


def _is_prime(candidate: int, secret: bytes) -> bool:
    """Miller and Rabin's test."""
    odd, twos = candidate - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    for turn in range(_ROUNDS):
        base = int.from_bytes(derived(secret, f"witness {turn}", _PRIME_BITS // 8)) % (candidate - 3) + 2
        power = pow(base, odd, candidate)
        if power in (1, candidate - 1):
            continue
        for _ in range(twos - 1):
            power = pow(power, 2, candidate)
            if power == candidate - 1:
                break
        else:
            return False
    return True
