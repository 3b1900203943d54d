"""What an upstream behind a gateway is told of who asks: headers that are always all set, or a token signed for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

import msgspec

from admit.core import jose, strict
from admit.core.gateway import SET
from admit.core.jwk import SigningKey, VerifyingKey
from admit.core.jwt import MAX_LEEWAY, Name, Number
from admit.core.principal import Principal
from admit.errors import BadCredential, Expired, NotForUs

TYPE = "admit-forwarded+jwt"
"""The ``typ`` of what a gateway hands on: no access token, and nobody takes it for one (RFC 8725, section 3.11)."""

LIFE = 60
"""Seconds that it is good for: for one request, on its way to one upstream."""

NAMES: Final = tuple(
    SET + name for name in (b"subject", b"session", b"credential", b"client", b"scopes", b"roles", b"token")
)
"""All that is told, in lower case. One that were missing would be taken from whoever sent the request."""

_NOBODY: Final = tuple((name, b"") for name in NAMES)
# What ends a list, or a header, or could be taken for an escape.
_PLAIN: Final = "".join(sorted(set(map(chr, range(0x21, 0x7F))) - {"%", ",", ";", '"'}))


class Forwarded(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The claims for an upstream; ``aud`` is its origin. Times are seconds since the Unix epoch."""

    iss: str
    aud: str
    sub: Name
    iat: Number
    exp: Number
    credential: str
    scope: str
    roles: tuple[str, ...]
    amr: tuple[str, ...]
    auth_time: Number
    sid: str | None = None
    client_id: str | None = None


_encode = msgspec.json.Encoder().encode
_decoder = msgspec.json.Decoder(Forwarded)


def headers(who: Principal | None, token: str = "") -> tuple[tuple[bytes, bytes], ...]:
    """The headers for an upstream: all of :data:`NAMES`, empty where there is nobody or nothing to say.

    What is not visible ASCII, and ``% , ; "``, is percent-encoded (UTF-8); lists have spaces between.
    """
    if who is None:
        return _NOBODY
    values = (
        _text(who.subject),
        who.session or "",
        who.credential,
        _text(who.client or ""),
        " ".join(sorted(who.scope)),
        " ".join(sorted(map(_text, who.roles))),
        token,
    )
    return tuple((name, value.encode("ascii")) for name, value in zip(NAMES, values, strict=True))


def mint(who: Principal, key: SigningKey, *, issuer: str, audience: str, now: float) -> str:
    """A token that tells ``audience``, the origin of an upstream, who asks; good for :data:`LIFE` seconds at most."""
    claims = Forwarded(
        iss=issuer,
        aud=audience,
        sub=who.subject,
        iat=int(now),
        exp=min(int(now) + LIFE, int(who.expires_at)),
        credential=who.credential,
        scope=" ".join(sorted(who.scope)),
        roles=tuple(sorted(who.roles)),
        amr=who.methods,
        auth_time=int(who.authenticated_at),
        sid=who.session,
        client_id=who.client,
    )
    return jose.sign(_encode(claims), key, TYPE)


def verify(
    text: str, keys: Mapping[str, VerifyingKey], *, issuer: str, audience: str, now: float, leeway: float = 10.0
) -> Forwarded:
    """What ``text``, which a gateway handed on, says to ``audience``, an upstream. Raises BadCredential.

    ``keys`` are those of the authority, by id; clocks may differ by ``leeway`` seconds, at most 60.
    """
    payload = jose.verify(text, keys, TYPE)
    try:
        claims = strict.decoded(payload, _decoder)
    except ValueError as error:
        raise BadCredential(f"not the claims of what is handed on: {error}") from error
    leeway = min(leeway, MAX_LEEWAY)
    if claims.iss != issuer:
        raise BadCredential(f"issued by {claims.iss!r}")
    if claims.aud != audience:
        raise NotForUs(f"handed on to {claims.aud!r}")
    if claims.iat > now + leeway or claims.exp - claims.iat > LIFE:
        raise BadCredential("from the future, or for longer than any is made")
    if claims.exp <= now - leeway:
        raise Expired(f"expired {now - claims.exp:.0f} seconds ago")
    return claims


def _text(text: str) -> str:
    return quote(text, safe=_PLAIN)
