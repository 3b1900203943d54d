"""How long an access token takes: against the bare signature check, PyJWT and joserfc."""

from __future__ import annotations

import hmac
import secrets
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import joserfc.jwk
import joserfc.jwt
import jwt as pyjwt
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from joserfc.errors import SecurityWarning

from admit.core.jwk import SigningKey
from admit.core.jwt import AccessToken, Rules, mint, verify
from admit.core.strict import base64url
from seen import rows_of_seen_before
from table import Row, Timings, arguments, interleave, report

TOKENS = 64
# Ed25519 under the name that all three libraries know.
NAMES = {"ES256": "ES256", "EdDSA": "Ed25519", "RS256": "RS256", "PS256": "PS256", "HS256": "HS256"}
TO_RAW = {"ES256": 1.25, "EdDSA": 1.25, "RS256": 1.25, "HS256": 2.6}
TO_PYJWT = {"HS256": 6.0}

Check = Callable[[bytes, bytes], object]


def tokens(key: SigningKey, rules: Rules, now: int) -> list[str]:
    """Many tokens, so that none is recognised by anything that remembers the last few."""

    def claims(number: int) -> AccessToken:
        return AccessToken(
            iss=rules.issuer,
            sub=f"ann{number}",
            aud=rules.audience,
            exp=now + 600,
            iat=now,
            jti=f"T{number:021}",
            client_id="first-party",
            scope="links:read links:write",
            roles=("user",),
            sid=f"S{number:021}",
            gen=now << 20,
            auth_time=now,
            amr=("pwd",),
        )

    return [mint(claims(number), key) for number in range(TOKENS)]


def raw_check(key: SigningKey) -> Check:
    """Nothing but the signature, as ``cryptography`` checks it: bytes and objects are ready."""
    public = key.verifying().material
    if key.alg == "ES256":
        ecdsa = ec.ECDSA(SHA256())
        return lambda data, signature: public.verify(signature, data, ecdsa)
    if key.alg == "EdDSA":
        return lambda data, signature: public.verify(signature, data)
    if key.alg == "HS256":
        secret: bytes = key.material
        return lambda data, signature: hmac.compare_digest(hmac.digest(secret, data, "sha256"), signature)
    how = padding.PKCS1v15() if key.alg == "RS256" else padding.PSS(padding.MGF1(SHA256()), 32)
    sha = SHA256()
    return lambda data, signature: public.verify(signature, data, how, sha)


def raw_input(key: SigningKey, texts: Iterable[str]) -> Iterator[tuple[bytes, bytes]]:
    for text in texts:
        data, _, signature = text.rpartition(".")
        raw = base64url(signature)
        if key.alg == "ES256":
            raw = encode_dss_signature(int.from_bytes(raw[:32]), int.from_bytes(raw[32:]))
        yield data.encode(), raw


def first_seen(alg: str, slices: int, seconds: float) -> Timings:
    """A token that was never seen: ours, the bare check, and the others as their documentation shows them."""
    key, now = SigningKey.generate(alg, secrets.token_bytes), int(time.time())
    rules = Rules(issuer="https://app.example.com/auth", audience="https://api.example.com")
    texts = tokens(key, rules, now)
    known, check, pairs = {key.kid: key.verifying()}, raw_check(key), list(raw_input(key, texts))
    jwk: dict[str, Any] = {**(key.verifying().jwk() or key.secret_jwk())}
    their_key, other_key = pyjwt.PyJWK(jwk), joserfc.jwk.import_key(jwk)
    registry = joserfc.jwt.JWTClaimsRegistry(
        iss={"essential": True, "value": rules.issuer}, aud={"essential": True, "value": rules.audience}
    )

    def raw() -> None:
        for data, signature in pairs:
            check(data, signature)

    def ours() -> None:
        for text in texts:
            verify(text, known, rules, now)

    def with_pyjwt() -> None:
        for text in texts:
            pyjwt.decode(text, their_key, algorithms=[alg], audience=rules.audience, issuer=rules.issuer)

    def with_joserfc() -> None:
        for text in texts:
            registry.validate(joserfc.jwt.decode(text, other_key, algorithms=[alg]).claims)

    cases = {"raw": raw, "ours": ours, "pyjwt": with_pyjwt, "joserfc": with_joserfc}
    return interleave(cases, slices, operations=TOKENS, seconds=seconds, clock=time.process_time)


def rows_of_first_seen(alg: str, timings: Timings) -> Iterator[Row]:
    name = NAMES[alg]
    yield Row(f"{name}: first seen", timings.micros("ours"), "µs")
    yield Row(f"{name}: first seen / raw check", timings.ratio("ours", "raw"), "×", TO_RAW.get(alg))
    yield Row(f"{name}: PyJWT / first seen", timings.ratio("pyjwt", "ours"), "×", TO_PYJWT.get(alg), "min")
    yield Row(f"{name}: joserfc / first seen", timings.ratio("joserfc", "ours"), "×", None, "min")


def main() -> None:
    options = arguments(__doc__)
    warnings.simplefilter("ignore", SecurityWarning)  # joserfc: "EdDSA" is the old name of Ed25519
    rows: list[Row] = []
    for alg in NAMES:
        rows += rows_of_first_seen(alg, first_seen(alg, options.slices, options.seconds))
    rows += rows_of_seen_before(list(NAMES.values()), options.slices, options.seconds)
    report("verify", rows, options)


if __name__ == "__main__":
    main()
