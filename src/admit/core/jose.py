"""Compact JWS (RFC 7515), signed and verified: the algorithm is the key's, and one text has one meaning."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any, Protocol

import msgspec
from msgspec import UNSET, Meta

from admit.core import strict
from admit.core.jwk import MAX_KID, SigningKey, VerifyingKey
from admit.core.secret import written
from admit.errors import BadCredential, BadInput

MAX_LENGTH = 16 * 1024
"""Characters of a token; a longer one is refused before anything of it is read (RFC 8725)."""

ANY = "*/*"
"""The type that stands for every type. No ``typ`` of a header is equal to it."""

_HEADERS = 256
_APPLICATION = "application/"


class Known(Protocol):
    """Where a verifying key is found by its id: a dictionary, as a rule."""

    def get(self, kid: str, /) -> VerifyingKey | None:
        """The key ``kid``, if it is known."""


@dataclass(frozen=True, slots=True)
class _Only:
    """Knows one key, by every name."""

    key: VerifyingKey

    def get(self, kid: str, /) -> VerifyingKey:
        del kid
        return self.key


class UnknownKey(BadCredential):
    """No key has the id ``kid``. Whoever holds the keyring may read it again, seldom, and try once more."""

    def __init__(self, kid: str) -> None:
        self.kid = kid
        super().__init__(f"no key {kid!r}")


class Header(msgspec.Struct, frozen=True, omit_defaults=True):
    """What counts of a JOSE header.

    All else is not even looked at: a key, or an address of one, that travels in the token proves nothing
    (``jwk``, ``jku``, ``x5c``, ``x5u``; RFC 8725, section 3.10).
    """

    alg: str
    typ: str = ""
    kid: Annotated[str, Meta(max_length=MAX_KID)] = ""
    crit: Any = UNSET
    b64: bool = True


_encode = msgspec.json.Encoder().encode
_decoder = msgspec.json.Decoder(Header)


def sign(payload: bytes, key: SigningKey, typ: str = "") -> str:
    """``payload`` as a compact JWS signed by ``key``. Raises BadInput when nobody would read it for its length."""
    signed = f"{_header_of(key.alg, typ, key.kid)}.{written(payload)}"
    text = f"{signed}.{written(key.sign(signed.encode()))}"
    if len(text) > MAX_LENGTH:
        raise BadInput("too_long", f"A token has at most {MAX_LENGTH} characters; this one has {len(text)}.")
    return text


def verify(text: str, keys: Known, typ: str) -> bytes:
    """The payload of ``text``, which says it is a ``typ`` and is signed by the key of ``keys`` it names.

    Raises BadCredential; as :class:`UnknownKey` when there is no such key.
    """
    # One function, because this is the path of every token not seen before: each call less is measured.
    if len(text) > MAX_LENGTH:
        raise BadCredential(f"a token of {len(text)} characters")
    try:
        first, middle, last = text.split(".", 3)  # ValueError for fewer or more
        header, payload, signature = _header(first), strict.base64url(middle), strict.base64url(last)
    except ValueError as error:
        raise BadCredential(f"not a compact JWS: {error}") from error
    if header.typ != typ != ANY:
        raise BadCredential(f"this is a {header.typ!r}, not a {typ!r}")
    key = keys.get(header.kid)
    if key is None:
        raise UnknownKey(header.kid)
    key.verify(text[: ~len(last)].encode(), signature, header.alg)  # ASCII, as base64url has found
    return payload


def verify_compact(text: str, key: VerifyingKey) -> bytes:
    """The payload of ``text``, which is signed by ``key``, whatever key and type it names. Raises BadCredential."""
    return verify(text, _Only(key), ANY)


def key_id(text: str) -> str:
    """The id of the key that ``text``, which :func:`verify` has accepted, was signed by."""
    return _header(text[: text.index(".")]).kid


@lru_cache(_HEADERS)
def _header(segment: str) -> Header:
    """The header that ``segment`` writes. Raises ValueError. All tokens of one key have the same, so it is kept."""
    header = strict.decoded(strict.base64url(segment), _decoder)
    # RFC 7515, section 4.1.11: no extension is understood here, so each that must be is a reason to refuse.
    if header.crit is not UNSET or not header.b64:
        raise ValueError("an extension that must be understood")
    # RFC 7515, section 4.1.9: a media type, in any case, that may go without its "application/".
    typ = header.typ.lower()
    bare = typ.removeprefix(_APPLICATION)
    return msgspec.structs.replace(header, typ=typ if "/" in bare else bare)


@lru_cache(_HEADERS)
def _header_of(alg: str, typ: str, kid: str) -> str:
    return written(_encode(Header(alg, typ, kid)))
