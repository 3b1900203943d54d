"""Where a session is handed over at another host: the browser comes from there with a secret of its own, and back with a ticket."""

from __future__ import annotations

from http import HTTPStatus
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from admit.authority import Authority
from admit.core import secret
from admit.core.cookie import CookieRule
from admit.core.policy import Policy
from admit.core.return_to import safe_path
from admit.core.target import host_of
from admit.errors import AdmitError, BadCredential, Denied
from admit.guards.asgi import asked as request_of
from admit.handover import digest
from admit.system import chance
from admit.trail import acting
from admit.web.answer import refused_elsewhere
from admit.web.direct import Endpoint

PATH = "/hand-over"
THERE = "/.admit/hand-over"
"""Where it is at another host, whose gateway hands on to us what is asked for there."""

WAITS = 600.0
"""Seconds for which a browser keeps its secret: as long as somebody takes to sign in."""


class HandOver:
    """Begins and ends a handover at the hosts of ``policy`` that are not that of the issuer; all else is for ``app``.

    A ticket is good for the browser that began, at the host where it began, once and for a minute. So neither a link
    with a ticket of somebody else's signs anyone in (login CSRF), nor does a ticket in a log or a history (FWD-07).
    """

    def __init__(self, app: ASGIApp, *, auth: Authority, policy: Policy, at: str) -> None:
        self._app = app
        self._auth = auth
        self._policy = policy
        self._path = f"{at}{PATH}"
        self._route = Endpoint(self._path, app, {})
        self._scheme = urlsplit(auth.origin).scheme
        self._own = host_of(urlsplit(auth.origin).netloc, self._scheme)
        self._secrets = CookieRule(auth.cookies.secure, "handover")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http" or scope["path"] != scope.get("root_path", "") + self._path:
            await self._app(scope, receive, send)
            return
        hosts = [value for name, value in scope["headers"] if name == b"host"]
        host = _host(hosts, self._scheme)
        if host is None or host == self._own or not self._policy.knows(host):
            await self._app(scope, receive, send)
            return
        # By which figures and the log call it; and no page of ours answers, whose links would lead astray here.
        scope["route"] = self._route
        if scope["method"] != "GET":
            raise HTTPException(HTTPStatus.METHOD_NOT_ALLOWED, headers={"Allow": "GET"})
        asked = dict(parse_qsl(scope["query_string"].decode("latin-1")))
        try:
            kept = self._secrets.read(value for name, value in scope["headers"] if name == b"cookie")
            with acting(request=request_of(scope, f"{self._scheme}://{host}")):
                answer = await self._answer(f"{self._scheme}://{host}", asked, kept)
        except AdmitError as error:
            answer = refused_elsewhere(scope, error, again=f"{THERE}?{urlencode({'next': _back(asked)})}")
        await answer(scope, receive, send)

    async def _answer(self, origin: str, asked: dict[str, str], kept: str | None) -> Response:
        back = _back(asked)
        if "ticket" not in asked:
            return self._begin(origin, back, asked.get("within", ""), kept)
        if kept is None:
            raise BadCredential("a ticket in a browser that has asked for none")
        line = await self._auth.handovers.finish(asked["ticket"], origin, kept)
        answer = RedirectResponse(back, HTTPStatus.SEE_OTHER)
        answer.headers.append("Set-Cookie", line)
        answer.headers.append("Set-Cookie", self._secrets.clearing())
        return answer

    def _begin(self, origin: str, back: str, within: str, kept: str | None) -> Response:
        # One for all tabs: the second to begin would take it from the first.
        known = kept is not None and len(kept) == secret.SECRET_DIGITS and kept.isascii()
        presented = kept if known and kept is not None else secret.new_secret(chance)
        said = {"to": origin, "browser": digest(presented), "next": back} | ({"within": within} if within else {})
        answer = RedirectResponse(f"{self._auth.issuer}{PATH}?{urlencode(said)}", HTTPStatus.SEE_OTHER)
        answer.headers.append("Set-Cookie", self._secrets.line(presented, WAITS))
        return answer


def _back(asked: dict[str, str]) -> str:
    return safe_path(asked.get("next", ""))


def _host(hosts: list[bytes], scheme: str) -> str | None:
    try:
        return host_of(hosts[0].decode("latin-1"), scheme) if len(hosts) == 1 else None
    except Denied:
        return None
