"""Which credential of a request counts: one, by a rule, and never another when that one is bad."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from admit.core.cookie import CookieRule
from admit.core.request import Request
from admit.errors import BadCredential, NoCredential

BEARER = "bearer"
COOKIE = "cookie"
DOORS = (BEARER, COOKIE)


def presented(request: Request, accept: Collection[str], cookies: CookieRule) -> tuple[str, str]:
    """The door and the text of the credential of ``request`` that counts; see :func:`found`."""
    return found(request.headers, accept, cookies)


def found(headers: Iterable[tuple[bytes, bytes]], accept: Collection[str], cookies: CookieRule) -> tuple[str, str]:
    """The door and the text of the credential that counts, among the doors this route accepts.

    ``Authorization`` wins where bearers are accepted; a cookie beside it is ignored, and no fallback when the
    bearer is bad, for browsers send cookies to every port of a host. Two of the same kind are refused.
    Raises NoCredential, BadCredential.
    """
    bearers: list[bytes] = []
    jars: list[bytes] = []
    for name, value in headers:
        if name == b"authorization":
            bearers.append(value)
        elif name == b"cookie":
            jars.append(value)
    if bearers and BEARER in accept:
        return BEARER, _bearer(bearers)
    if jars and COOKIE in accept and (cookie := cookies.read(jars)) is not None:
        return COOKIE, cookie
    raise NoCredential("none of the credentials that count here")


def _bearer(values: list[bytes]) -> str:
    """The token of the Authorization header (RFC 6750, section 2.1)."""
    if len(values) > 1:
        raise BadCredential("two Authorization headers")
    scheme, _, token = values[0].decode("latin-1").partition(" ")
    if (scheme != "Bearer" and scheme.lower() != "bearer") or not token:
        raise BadCredential("the Authorization header holds no bearer token")
    return token
