"""Access tokens (RFC 9068): claims, signed and short-lived, verified without asking anybody."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import msgspec
from msgspec import Meta

from admit.core import jose, strict
from admit.core.ids import MAX_SUBJECT_BYTES
from admit.core.jwk import SigningKey, VerifyingKey
from admit.core.principal import Principal
from admit.core.verdict import Seen
from admit.errors import BadCredential, BadInput, ConfigError, Expired, NotForUs

TYPE = "at+jwt"
"""The ``typ`` that keeps other tokens of the same key from passing for an access token (RFC 9068, section 4)."""

MAX_LIFE = 60 * 60
"""Seconds an access token may live: part of the protocol, because the revocation log forgets after them."""

MAX_LEEWAY = 60.0
"""Seconds by which clocks may disagree, at most."""

# Numbers that every JSON reader keeps exact (RFC 7493, section 2.2). Never bool, text or a fraction.
Number = Annotated[int, Meta(ge=0, lt=1 << 53)]
Name = Annotated[str, Meta(min_length=1, max_length=MAX_SUBJECT_BYTES)]


class AccessToken(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """The claims of an access token. Times are seconds since the Unix epoch.

    ``gen`` is the subject's generation and ``cgen`` that of the client, as the token was minted; ``sid`` the
    session that everything of one sign-in shares; ``scope`` is one text, separated by spaces.
    """

    iss: str
    sub: Name
    aud: str | tuple[str, ...]
    exp: Number
    iat: Number
    jti: Name
    client_id: Name
    scope: str
    roles: tuple[str, ...]
    sid: Name
    gen: Number
    auth_time: Number
    amr: tuple[str, ...]
    cgen: Number | None = None
    nbf: Number | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What a token must say to be accepted here: whose it is, for whom, and by how many seconds clocks may differ."""

    issuer: str
    audience: str
    leeway: float = 10.0

    def __post_init__(self) -> None:
        faults = [f"“{name}” is empty; write a URL." for name in ("issuer", "audience") if not getattr(self, name)]
        if not 0 <= self.leeway <= MAX_LEEWAY:
            faults.append(f"“leeway” is {self.leeway} seconds; write 0 to {MAX_LEEWAY:g}.")
        if faults:
            raise ConfigError(faults)


_encode = msgspec.json.Encoder().encode
_decoder = msgspec.json.Decoder(AccessToken)


def mint(claims: AccessToken, key: SigningKey) -> str:
    """``claims`` as an access token signed by ``key``. Raises BadInput for one that no verifier would accept."""
    try:
        payload = _encode(claims)
        _decoder.decode(payload)
    except ValueError as error:
        raise BadInput("bad_claims", f"This cannot be said in an access token: {error}.") from error
    if not 0 < claims.exp - claims.iat <= MAX_LIFE:
        raise BadInput("bad_claims", f"An access token lives 1 to {MAX_LIFE} seconds.", field="exp")
    return jose.sign(payload, key, TYPE)


def verify(text: str, keys: Mapping[str, VerifyingKey], rules: Rules, now: float) -> AccessToken:
    """The claims of ``text`` at ``now``, signed by one of ``keys`` (by key id) and fit for ``rules``.

    Raises BadCredential; as Expired or NotForUs when that is all that is wrong with it, as
    :class:`~admit.core.jose.UnknownKey` when it names a key that is not there.
    """
    claims = signed(text, keys)
    _judge(claims, rules, now)
    return claims


def signed(text: str, keys: Mapping[str, VerifyingKey]) -> AccessToken:
    """The claims of ``text``, signed by one of ``keys``, whoever they are for and whatever time it is.

    To end a token, never to let somebody in. Raises as :func:`verify` does.
    """
    payload = jose.verify(text, keys, TYPE)
    try:
        return strict.decoded(payload, _decoder)
    except ValueError as error:
        raise BadCredential(f"not the claims of an access token: {error}") from error


def proven(text: str, keys: Mapping[str, VerifyingKey], rules: Rules, now: float) -> Seen:
    """Whom ``text`` speaks for, and until when that may be said. Raises as :func:`verify` does."""
    claims = verify(text, keys, rules, now)
    principal = Principal(
        subject=claims.sub,
        credential="token",
        session=claims.sid,
        scope=frozenset(claims.scope.split()),
        roles=frozenset(claims.roles),
        methods=tuple(claims.amr),
        authenticated_at=claims.auth_time,
        expires_at=claims.exp,
        gen=claims.gen,
        marks=(claims.sid, "", claims.jti, "", jose.key_id(text)),
        client=claims.client_id,
        client_gen=claims.cgen or 0,
    )
    return Seen(principal, claims.exp + rules.leeway)


def _judge(claims: AccessToken, rules: Rules, now: float) -> None:
    audience, issued, expires, leeway = claims.aud, claims.iat, claims.exp, rules.leeway
    if claims.iss != rules.issuer:
        raise BadCredential(f"issued by {claims.iss!r}")
    # A string is compared as a whole: "in" would find our name inside a longer one.
    if audience != rules.audience and (isinstance(audience, str) or rules.audience not in audience):
        raise NotForUs(f"issued for {audience!r}")
    # A clock that was wrong, here or there, must not make a token that outlives the memory of its revocation.
    if expires - issued > MAX_LIFE:
        raise BadCredential(f"would live {expires - issued} seconds")
    if issued > now + leeway or (claims.nbf is not None and claims.nbf > now + leeway):
        raise BadCredential("from the future")
    if expires <= now - leeway:
        raise Expired(f"expired {now - expires:.0f} seconds ago")
