"""What every request passes before a route sees it, and every answer on its way out."""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus
from urllib.parse import urlsplit

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from admit.authority import Authority
from admit.core.origin import refuse_cross_origin
from admit.guards.asgi import asked, tell
from admit.guards.once import USED
from admit.trail import acting
from admit.web.answer import answer
from admit.web.families import FORM, JSON, is_below

MAX_BODY_BYTES = 65_536
"""No request of ours needs a tenth of it."""

ASKED = "admit.asked"
"""The key of the scope under which stands the request as the core sees it, for whoever is asked next."""

_DIGITS = 20  # nobody sends as much; and Python refuses to read numbers of thousands of digits
_DEFAULT_PORTS = {"https": b":443", "http": b":80"}


def armour(*, secure: bool) -> list[tuple[bytes, bytes]]:
    """The headers that protect every answer, unless it says otherwise itself; ``secure`` where it goes over https."""
    headers = {
        # Nothing here may be kept by a cache and given to somebody else; the public keys say otherwise.
        "Cache-Control": "no-store",
        "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
    if secure:
        headers["Strict-Transport-Security"] = "max-age=31536000"
    return [(name.lower().encode(), value.encode()) for name, value in headers.items()]


class Answers:
    """Answers whatever was raised, once and in one form, and gives every answer the headers that protect it."""

    def __init__(self, app: ASGIApp, *, secure: bool) -> None:
        self._app = app
        self._headers = armour(secure=secure)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = False
        # Below a mount, else, an error in a route would be answered as that application answers its own.
        scope["starlette.exception_handlers"] = ({}, {})

        async def protected(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                given = {name for name, _ in message["headers"]}
                message["headers"] = [*message["headers"], *(one for one in self._headers if one[0] not in given)]
                if USED in scope:
                    tell(scope, message)
            await send(message)

        try:
            await self._app(scope, receive, protected)
        except Exception as error:
            if begun:  # half an answer is out; the server closes the connection
                raise
            await answer(scope, error)(scope, receive, protected)


class Limits:
    """Refuses what no route should see: another host, another site's browser, large bodies and those of other kinds.

    Below the path ``api`` bodies are JSON, elsewhere forms. What is below ``static`` is the same for everybody, under
    any name: the page that says that a name is wrong is made of it.
    """

    def __init__(self, app: ASGIApp, *, auth: Authority, api: str, static: str) -> None:
        self._app = app
        self._api = api
        self._static = static
        self._auth = auth
        parts = urlsplit(auth.origin)
        host = parts.netloc.encode()
        # The default port may be written out (RFC 9110, 4.2.3).
        self._hosts = {host} if parts.port else {host, host + _DEFAULT_PORTS[parts.scheme]}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = scope[ASKED] = asked(scope, self._auth.origin)
        # Whoever chooses the Host chooses the links of an application that believes it, or what a cache keeps.
        hosts = request.values(b"host")
        known = len(hosts) == 1 and hosts[0].lower() in self._hosts
        if not known and not is_below(scope, self._static):
            raise HTTPException(HTTPStatus.MISDIRECTED_REQUEST)
        # Routes are matched by patterns whose end a line end may follow: /account%0A would be a second name of a page,
        # unknown to whatever in front of us goes by names.
        if not scope["path"].isprintable():
            raise HTTPException(HTTPStatus.NOT_FOUND)
        # Signing in and up too: else another site signs its visitors in as somebody else (login CSRF).
        refuse_cross_origin(request, self._auth.origin, self._auth.trusted_origins)
        length = _length(request.values(b"content-length"))
        if length > MAX_BODY_BYTES:
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        chunked = bool(request.values(b"transfer-encoding"))
        takes = JSON if is_below(scope, self._api) else FORM
        takes.judge(request.values(b"content-type"), body=chunked or length > 0)
        # OPS-06: whatever it said or did not say. Over HTTP/2 a body needs neither of these headers.
        with acting(request=request):
            await self._app(scope, _capped(receive), send)


def _length(values: Iterable[bytes]) -> int:
    """What Content-Length says, 0 where that is no length; what comes is counted in any case."""
    return max((int(value) for value in values if value.isdigit() and len(value) < _DIGITS), default=0)


def _capped(receive: Receive) -> Receive:
    """``receive``, until too much came."""
    received = 0

    async def counted() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > MAX_BODY_BYTES:
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        return message

    return counted
