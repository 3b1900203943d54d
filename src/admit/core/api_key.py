"""What an API key looks like: ``adm_k_<id>.<secret><checksum>``, fixed widths, one text for each."""

from __future__ import annotations

import zlib

from admit.core import secret
from admit.core.ids import LENGTH, is_id
from admit.errors import BadCredential

PREFIX = "adm_k_"

_CHECKSUM_BYTES = 4
_CHECKSUM_DIGITS = 6
_BASE64URL = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
_DOT = len(PREFIX) + LENGTH
_BODY = _DOT + 1 + secret.SECRET_DIGITS
_LENGTH = _BODY + _CHECKSUM_DIGITS


def write_api_key(id: str, presented: str) -> str:
    """The API key ``id`` with its secret, as its holder gets it."""
    body = f"{PREFIX}{id}.{presented}"
    return body + _checksum(body)


def parse_api_key(text: str) -> tuple[str, str]:
    """Id and secret of an API key. Raises BadCredential for all that is none, without asking anybody.

    The checksum is no defence: whoever knows the form can compute it. It tells a key from what merely looks like one,
    to us and to whoever searches a repository for keys that leaked.
    """
    if len(text) != _LENGTH or not text.startswith(PREFIX) or text[_DOT] != ".":
        raise BadCredential("not an API key")
    id, presented = text[len(PREFIX) : _DOT], text[_DOT + 1 : _BODY]
    if not is_id(id) or not _BASE64URL.issuperset(presented) or text[_BODY:] != _checksum(text[:_BODY]):
        raise BadCredential("not an API key, or one that was cut or mistyped")
    return id, presented


def _checksum(body: str) -> str:
    return secret.written(zlib.crc32(body.encode()).to_bytes(_CHECKSUM_BYTES))
