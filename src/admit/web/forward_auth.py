"""`/forward-auth`: what a gateway asks before it lets a request through to an upstream that knows nothing of Admit."""

from __future__ import annotations

import inspect
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlsplit

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from admit.authority import Authority
from admit.core import forwarded, gateway
from admit.core.address import address
from admit.core.policy import Policy, Rule
from admit.core.presented import COOKIE
from admit.core.principal import Principal
from admit.core.recent import Recent
from admit.core.request import Request
from admit.core.return_to import Detours, is_navigation, safe_path
from admit.core.target import Target
from admit.errors import AdmitError, Denied, StepUp
from admit.guards.asgi import Entrance
from admit.guards.refusal import refused
from admit.web.direct import Endpoint
from admit.web.hand_over import THERE
from admit.web.limits import armour
from admit.web.openapi import LET_IN, problems

PATH = "/forward-auth"

CACHED = 1
"""Seconds for which nginx may give a yes again, where its configuration has a cache for it."""

SIGN_IN = b"x-admit-sign-in"
"""Where nginx leads a browser, which can hand on no redirect of ours."""

_MANY = 4_096
_LONG = 512  # characters of a question for which it is remembered which rule it meets

Headers = list[tuple[bytes, bytes]]


class ForwardAuth:
    """Whether the request that a gateway asks about may pass, by the rules of the policy: 200, or why not.

    The gateway says what the request is for in the headers that the policy names, sends those of the client along,
    and may ask from the networks of the policy only. A yes bears the headers `X-Admit-*` for the upstream, all of them
    each time. A browser that goes to a page without being signed in is led to the sign-in (303; for nginx 401, with the
    way in `X-Admit-Sign-In`).
    """

    def __init__(self, app: ASGIApp, *, judge: Judge) -> None:
        self._app = app
        self._judge = judge

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        target = self._judge.target(scope) if scope["type"] == "http" else None
        if target is None:
            await self._app(scope, receive, send)
            return
        self._judge.name(scope)
        status, headers, body = await self._judge.answer(scope, target)
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


class Judge:
    """Answers what gateways ask, by the rules of ``policy``, at :data:`PATH` below ``at``."""

    def __init__(self, auth: Authority, policy: Policy, at: str) -> None:
        self._auth = auth
        self.policy = policy
        self._scheme = urlsplit(auth.origin).scheme
        self._path = f"{at}{PATH}"
        self._at = urlsplit(auth.issuer).path
        self._detours = Detours(f"{self._at}/sign-in", f"{self._at}/confirm")
        self._entrances = {rule.number: Entrance(auth, rule.requirement, acts=False) for rule in policy.rules}
        self._gateways = dict[str | None, bool]()
        self._met = Recent[tuple[str, Rule]](_MANY)
        self._told = dict[tuple[str, str, Principal | None], tuple[float, Headers]]()
        self._lines = dict[tuple[str, Principal], tuple[float, bytes]]()
        self._armour = armour(secure=self._scheme == "https")
        self._route = endpoint(at)

    def at_once(self, scope: Scope) -> bytes | None:
        """The header lines of a yes that takes no waiting: most questions are about somebody who was seen before.

        None for all others, and for what is no question at all. Nothing else is needed to answer: no body, no task.
        """
        policy = self.policy
        if scope["path"] != self._path or policy.token or policy.gateway == "envoy" or scope.get("root_path"):
            return None
        headers = scope["headers"]
        try:
            self._refuse_strangers(_peer(scope))
            asked = gateway.asked(policy.gateway, scope["method"], "", headers)
            origin, rule = self._rule_for(asked)
            method = "CONNECT" if asked.opens_socket else asked.method
            who = self._entrances[rule.number].at_once({"type": "http", "method": method, "headers": headers})
        except AdmitError:
            return None  # why not is said, and written down, on the long way
        if who is None:
            return None
        self.name(scope)
        now = self._auth.clock.now()
        known = self._lines.get((origin, who))
        if known is None or now >= known[0]:
            until, told = self._kept(origin, "", who, now)
            given = {name for name, _ in told}
            all_of = [*told, *(one for one in self._armour if one[0] not in given)]
            known = until, b"".join(name + b": " + value + b"\r\n" for name, value in all_of)
            if len(self._lines) >= _MANY:
                self._lines.clear()
            self._lines[origin, who] = known
        return known[1]

    def name(self, scope: Scope) -> None:
        """Call ``scope`` by the endpoint: what its sender asked for is no route; figures and the log have one line."""
        scope["route"], scope["path"] = self._route, scope.get("root_path", "") + self._path

    def target(self, scope: Scope) -> str | None:
        """What is asked for below the endpoint, as it was sent, where this is a question at all."""
        prefix = scope.get("root_path", "") + self._path
        path: str = scope["path"]
        if path == prefix and self.policy.gateway != "envoy":
            return ""
        if self.policy.gateway == "envoy" and path.startswith(f"{prefix}/"):
            raw: bytes = scope.get("raw_path") or path.encode()
            query: bytes = scope.get("query_string", b"")
            return (raw[len(prefix) :] + (b"?" + query if query else b"")).decode("latin-1")
        return None

    async def answer(self, scope: Scope, target: str) -> tuple[int, Headers, bytes]:
        """Status, headers and body of the answer to a question."""
        request = Request(scope["method"], self._path, tuple(scope["headers"]), _peer(scope))
        rule: Rule | None = None
        try:
            self._refuse_strangers(request.peer)
            asked = gateway.asked(self.policy.gateway, scope["method"], target, request.headers)
            request = gateway.as_sent(asked, self._auth.origin, request.headers, request.peer)
            origin, rule = self._rule_for(asked)
            request = gateway.as_sent(asked, origin, request.headers, request.peer)
            return HTTPStatus.OK, await self._yes(origin, await self._who(rule, origin, request)), b""
        except AdmitError as error:
            return self._no(error, request, rule)

    def _refuse_strangers(self, peer: str | None) -> None:
        """Return if a gateway asks. Whoever else could say for himself what is asked for (FWD-01)."""
        known = self._gateways.get(peer)
        if known is None:
            who = address(peer or "")
            known = who is not None and self.policy.networks.trusts(who)
            if len(self._gateways) < _MANY:
                self._gateways[peer] = known
        if not known:
            raise Denied(f"asked from {peer}, where the policy knows no gateway")

    def _rule_for(self, asked: gateway.Asked) -> tuple[str, Rule]:
        """The origin that is asked at, and the rule that decides. Raises Ambiguous, Denied."""
        text = f"{asked.method} {asked.host} {asked.target}"
        found = self._met.get(text)
        if found is None:
            target = Target.read(asked.method, asked.host, asked.target, self._scheme)
            found = f"{self._scheme}://{target.host}", self.policy.rule_for(target)
            if len(text) < _LONG:
                self._met.put(text, found)
        return found

    async def _who(self, rule: Rule, origin: str, request: Request) -> Principal | None:
        """Whom the request speaks for, nobody where anyone may come. Raises Denied, Stale, StoreError."""
        requirement = rule.requirement
        scope = {"type": "http", "method": request.method, "headers": request.headers}
        try:
            who = self._entrances[rule.number].at_once(scope)
            if who is None:
                who = await self._auth.admit(request, accept=requirement.accept, behind=origin)
                requirement.judge(who, self._auth.clock.now())
        except Denied:
            if rule.allow != "anyone":
                raise
            return None
        return who

    async def _yes(self, origin: str, who: Principal | None) -> Headers:
        """The headers that let ``who`` through to the upstream at ``origin``."""
        now, kid = self._auth.clock.now(), ""
        key = await self._auth.keys.signing() if self.policy.token and who is not None else None
        if key is not None:
            kid = key.kid
        known = self._told.get((origin, kid, who))
        if known is not None and now < known[0]:
            return known[1]
        token = ""
        if key is not None and who is not None:
            token = forwarded.mint(who, key, issuer=self._auth.issuer, audience=origin, now=now)
        return self._kept(origin, kid, who, now, token)[1]

    def _kept(self, origin: str, kid: str, who: Principal | None, now: float, token: str = "") -> tuple[float, Headers]:
        """The headers of a yes, and until when they are given again."""
        headers: Headers = [*forwarded.headers(who, token), (b"cache-control", b"no-store"), (b"content-length", b"0")]
        if self.policy.gateway == "nginx":
            # First, for nginx goes by the first that it meets. To any other cache the word is no-store.
            headers.insert(0, (b"x-accel-expires", b"%d" % CACHED))
        if len(self._told) >= _MANY:
            self._told.clear()
        self._told[origin, kid, who] = found = now + forwarded.LIFE / 2, headers
        return found

    def _no(self, error: AdmitError, request: Request, rule: Rule | None) -> tuple[int, Headers, bytes]:
        status, named, body = refused(error, request, Detours())
        headers = [(name.lower().encode(), value.encode("ascii")) for name, value in named]
        way = None if rule is None else self._way(error, request, rule)
        if way is not None:
            if self.policy.gateway == "nginx":
                headers.append((SIGN_IN, way.encode("ascii")))
            else:
                status = HTTPStatus.SEE_OTHER
                headers.append((b"location", way.encode("ascii")))
        return status, headers, body

    def _way(self, error: AdmitError, request: Request, rule: Rule) -> str | None:
        """Where a browser goes first that was refused with ``error``; None where that is the answer (FWD-05)."""
        page = self._detours.first(error)
        if page is None or COOKIE not in rule.requirement.accept or not is_navigation(request):
            return None
        origin, path = _apart(request.url)
        back = quote(safe_path(path))
        if origin == self._auth.origin:
            return f"{origin}{page}?next={back}"
        if path.startswith(THERE):
            return None  # where the gateway does not hand that on to us, it would go round in circles
        within = f"&within={error.max_age:g}" if isinstance(error, StepUp) else ""
        return f"{origin}{THERE}?next={back}{within}"


def endpoint(at: str) -> Endpoint:
    """How the endpoint below ``at`` is described, and called in the figures and the log."""
    operation: dict[str, Any] = {
        "tags": ["gateways"],
        "summary": "Forward-auth",
        "description": inspect.getdoc(ForwardAuth),
        "operationId": "forward_auth",
        "responses": {str(status): answer for status, answer in problems(401, 403, 429, 503).items()}
        | {"200": {"description": "It may pass; the headers are for the upstream"}},
        "security": [{}, *LET_IN["security"]],
    }
    return Endpoint(f"{at}{PATH}", _nothing, operation, noted=False)


async def _nothing(_scope: Scope, _receive: Receive, _send: Send) -> None:
    """What is at the path itself where a gateway asks below it."""
    raise HTTPException(HTTPStatus.NOT_FOUND)


def _peer(scope: Scope) -> str | None:
    client = scope.get("client")
    return client[0] if client else None


def _apart(url: str) -> tuple[str, str]:
    """The origin and the target of a URL."""
    scheme, _, rest = url.partition("://")
    host, _, path = rest.partition("/")
    return f"{scheme}://{host}", f"/{path}"
