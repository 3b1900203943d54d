"""What the session cookie holds: ``adm_s_<session>.<number>.<secret>``, one text for each."""

from __future__ import annotations

import msgspec

from admit.core import secret
from admit.core.ids import is_id
from admit.errors import BadCredential

PREFIX = "adm_s_"

_MAX_COOKIE_COUNTER_DIGITS = 9
_DIGITS = frozenset("0123456789")


class Cookie(msgspec.Struct, frozen=True):
    """What is kept of a session's cookie: its number and the digest of its secret."""

    n: int
    digest: bytes


def write_cookie(id: str, n: int, presented: str) -> str:
    """The value of the ``n``-th cookie of the session ``id``."""
    return f"{PREFIX}{id}.{n}.{presented}"


def parse_cookie(text: str) -> tuple[str, int, str]:
    """Session id, number and secret of a cookie's value. Raises BadCredential."""
    fields = text.removeprefix(PREFIX).split(".", 3)
    if not text.startswith(PREFIX) or len(fields) != 3 or len(fields[2]) != secret.SECRET_DIGITS:
        raise BadCredential("not a session cookie")
    id, n, presented = fields
    if not is_id(id) or not _is_counter(n) or not presented.isascii():
        raise BadCredential("not a session cookie")
    return id, int(n), presented


def _is_counter(text: str) -> bool:
    # One text for one number: "1" and "01" must not be two names of one cookie.
    return 0 < len(text) <= _MAX_COOKIE_COUNTER_DIGITS and _DIGITS.issuperset(text) and text[0] != "0"
