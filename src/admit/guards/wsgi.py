"""The guard for any WSGI application (PEP 3333): lets in whom a door admits."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from contextvars import Context, copy_context
from http import HTTPStatus
from inspect import isgenerator
from typing import Any, cast
from urllib.parse import quote
from wsgiref.types import StartResponse, WSGIApplication

from admit.core.door import Door
from admit.core.origin import SAFE_METHODS, sent_by_no_other_page
from admit.core.principal import Principal
from admit.core.request import Request
from admit.core.requirement import Requirement
from admit.errors import AdmitError
from admit.guards.at_once import at_once
from admit.guards.guarded import Guarded
from admit.guards.once import USED, Memory, note, told, used
from admit.guards.refusal import refused
from admit.trail import ACTING, Acting

Environ = dict[str, Any]

PRINCIPAL = "admit.principal"
"""The key of the environ under which the application finds the Principal; no header of a client makes it."""

# What a path may hold as it is (RFC 3986, section 3.3).
_OF_A_PATH = "/:@!$&'()*+,;=~"


class Guard(Guarded[WSGIApplication, "Entrance"]):
    """Lets a request through to ``app`` when ``door`` admits it and ``requirement`` holds; else answers by itself.

    The application finds the Principal as ``environ["admit.principal"]``. A browser that navigates is led to the
    pages ``sign_in`` and ``confirm``, where there are such. The body is not read. Raises ConfigError.
    """

    @staticmethod
    def _way_in(door: Door, requirement: Requirement) -> Entrance:
        return Entrance(door, requirement)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """One request, in any thread."""
        before = ACTING.set(ACTING.get())
        try:
            try:
                environ[PRINCIPAL] = self._entrance.admitted(environ)
            except AdmitError as error:
                request = asked(environ, self._door.origin)
                status, headers, body = refused(error, request, self._detours)
                start_response(f"{status} {HTTPStatus(status).phrase}", headers)
                return [] if request.method == "HEAD" else [body]  # not every server leaves out what HEAD has none of
            answer = self._app(environ, _telling(environ, start_response) if USED in environ else start_response)
            return _going_on(answer, copy_context()) if isgenerator(answer) else answer
        finally:
            ACTING.reset(before)


class Entrance:
    """A door and what is asked there, for whoever waits in a thread, or has a Request in hand.

    Whom :meth:`admitted` lets in acts from then on, by what the audit log says; whoever calls it sets back who did before.
    """

    __slots__ = ("_admit", "_door", "_requirement", "at_once")

    def __init__(self, door: Door, requirement: Requirement) -> None:
        self._door = door
        self._requirement = requirement
        self._admit = door.sync.admit
        self.at_once = at_once(door, requirement)

    def admitted(self, environ: Environ) -> Principal:
        """Whom the request of ``environ`` speaks for. Raises Denied, Stale, StoreError."""
        given = environ.get
        cookie = given("HTTP_COOKIE")
        if cookie is not None and not _may_count(environ):
            cookie = None
        # Seen before: found in this thread. The way to the event loop is for what may have to wait.
        who = self.at_once(given("HTTP_AUTHORIZATION"), cookie, given("HTTP_X_API_KEY"))
        if who is None:
            who = self.waited(asked(environ, self._door.origin), environ)
        if self._door.notes:
            ACTING.set((self._acting, (environ, who)))
        return who

    def waited(self, request: Request, memory: Memory) -> Principal:
        """Whom ``request``, whole, speaks for; ``memory`` is what there is one of for it. Raises Denied, Stale, StoreError."""
        accept = self._requirement.accept
        who = used(memory, self._door, accept)
        if who is None:
            who = cast("Principal", self._admit(request, accept=accept))
            note(memory, self._door, who)
        self._requirement.judge(who, self._door.clock.now())
        return who

    async def awaited(self, request: Request, memory: Memory) -> Principal:
        """The same on an event loop, for what comes by no scope of ASGI. Raises Denied, Stale, StoreError."""
        accept = self._requirement.accept
        who = used(memory, self._door, accept)
        if who is None:
            who = await self._door.admit(request, accept=accept)
            note(memory, self._door, who)
        self._requirement.judge(who, self._door.clock.now())
        return who

    def _acting(self, by: tuple[Environ, Principal]) -> Acting:
        environ, who = by
        return Acting(asked(environ, self._door.origin), who)


def _may_count(environ: Environ) -> bool:
    """Whether a cookie counts for this request by what is to be seen at first sight."""
    if environ["REQUEST_METHOD"] in SAFE_METHODS and "HTTP_UPGRADE" not in environ:
        return True
    return sent_by_no_other_page(environ.get("HTTP_SEC_FETCH_SITE"), environ.get("HTTP_ORIGIN"))


def _telling(environ: Environ, start_response: StartResponse) -> StartResponse:
    """``start_response``, with what is :func:`told` beside the headers of the answer; unless they tell of a limit already."""

    def started(status: str, headers: list[tuple[str, str]], *error: Any) -> Any:
        if not any(name.lower() == "ratelimit" for name, _ in headers):
            headers = [*headers, *told(environ).items()]
        return start_response(status, headers, *error)

    return cast("StartResponse", started)


def _going_on(answer: Generator[Any, Any, Any], own: Context) -> Iterator[bytes]:
    """``answer``, made in its ``own`` context: it has not begun when the application returns."""
    end = object()
    with closing(answer):
        while (part := own.run(next, answer, end)) is not end:
            yield cast("bytes", part)


def asked(environ: Environ, origin: str) -> Request:
    """The request of a WSGI ``environ`` to an application whose own origin is ``origin``.

    The URL begins with the configured origin: the Host header is the sender's word. What opens a WebSocket is
    CONNECT, as in RFC 8441: no GET, because a page of another site must not open one with our cookie.

    A header that came twice is one here, by whatever joined the two: wsgiref and Werkzeug by a comma, which is in
    no token and no cookie of ours, so that two credentials are a bad one.
    """
    headers = tuple(
        (name[5:].replace("_", "-").lower().encode("latin-1"), value.encode("latin-1"))
        for name, value in environ.items()
        if name.startswith("HTTP_")
    )
    path = quote(f"{environ.get('SCRIPT_NAME', '')}{environ.get('PATH_INFO', '')}", _OF_A_PATH, encoding="latin-1")
    query = environ.get("QUERY_STRING")
    url = origin + (f"{path}?{query}" if query else path)
    upgrade: str = environ.get("HTTP_UPGRADE", "")
    method = "CONNECT" if "websocket" in upgrade.lower() else environ["REQUEST_METHOD"]
    return Request(method, url, headers, environ.get("REMOTE_ADDR") or None)
