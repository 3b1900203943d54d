"""Which credential of a request counts: one, by a rule, and never another when that one is bad."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from admit.core import api_key
from admit.core.cookie import CookieRule
from admit.core.request import Request
from admit.core.tally import Tallies
from admit.errors import BadCredential, Denied, NoCredential

BEARER = "token"
COOKIE = "session"
API_KEY = "api_key"
DOORS = (BEARER, COOKIE, API_KEY)
"""Where credentials are presented, each called as what is presented there is: what ``accept`` names at a route."""

KEY_HEADER = "x-api-key"
"""Where an API key may stand in the place of the Authorization header, in lower case."""

_KEY_HEADER = KEY_HEADER.encode()

BY_PROGRAMS = (b"authorization", _KEY_HEADER)
"""Where programs present credentials: a browser sends neither header by itself."""


def presented(request: Request, accept: Collection[str], cookies: CookieRule) -> tuple[str, str]:
    """The door and the text of the credential of ``request`` that counts; see :func:`found`."""
    return found(request.headers, accept, cookies)


def counted(request: Request, accept: Collection[str], *, cookies: CookieRule, tallies: Tallies) -> tuple[str, str]:
    """What :func:`presented` gives. Where that is nothing, what would count if more were accepted is counted.

    So whoever narrows what a route accepts can see in figures who is still there with what it accepted before.
    Raises NoCredential, BadCredential.
    """
    try:
        return found(request.headers, accept, cookies)
    except Denied:
        door = _in_vain(request, cookies)
        if door is not None and door not in accept:
            tallies[door].not_accepted += 1
        raise


def _in_vain(request: Request, cookies: CookieRule) -> str | None:
    """The door of what would count if everything did; None where that is nothing either."""
    try:
        return found(request.headers, DOORS, cookies)[0]
    except Denied:
        return None


def found(headers: Iterable[tuple[bytes, bytes]], accept: Collection[str], cookies: CookieRule) -> tuple[str, str]:
    """The door and the text of the credential that counts, among the doors this route accepts.

    ``Authorization`` wins where tokens or API keys are accepted, and so does ``X-API-Key`` where those are; a cookie
    beside them is ignored, and no fallback when they are bad, for browsers send cookies to every port of a host. Two
    of the same kind are refused, and so are those two headers together.
    Raises NoCredential, BadCredential.
    """
    bearers: list[bytes] = []
    keys: list[bytes] = []
    jars: list[bytes] = []
    for name, value in headers:
        if name == b"authorization":
            bearers.append(value)
        elif name == b"cookie":
            jars.append(value)
        elif name == _KEY_HEADER:
            keys.append(value)
    if keys and API_KEY in accept:
        if len(keys) > 1 or bearers:
            raise BadCredential("an API key beside another, or beside an Authorization header")
        return API_KEY, keys[0].decode("latin-1")
    if bearers and (BEARER in accept or API_KEY in accept):
        return _bearer(bearers, accept)
    if jars and COOKIE in accept and (cookie := cookies.read(jars)) is not None:
        return COOKIE, cookie
    raise NoCredential("none of the credentials that count here", in_browser=COOKIE in accept)


def _bearer(values: list[bytes], accept: Collection[str]) -> tuple[str, str]:
    """The door and the text of what the Authorization header holds (RFC 6750, section 2.1)."""
    if len(values) > 1:
        raise BadCredential("two Authorization headers")
    scheme, _, token = values[0].decode("latin-1").partition(" ")
    if (scheme != "Bearer" and scheme.lower() != "bearer") or not token:
        raise BadCredential("the Authorization header holds no bearer token")
    door = API_KEY if token.startswith(api_key.PREFIX) else BEARER
    if door not in accept:  # and never the cookie in its place
        raise BadCredential(f"a bearer of the kind {door!r}, which does not count here")
    return door, token
