"""The guard for any ASGI application: lets in whom a door admits, over HTTP and WebSocket."""

from __future__ import annotations

from asyncio import Task, current_task
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from weakref import ref

from admit.core.door import Door
from admit.core.origin import SAFE_METHODS
from admit.core.presented import KEY_HEADER
from admit.core.principal import Principal
from admit.core.request import Request
from admit.core.requirement import Requirement
from admit.core.return_to import Detours
from admit.errors import AdmitError
from admit.guards.at_once import at_once
from admit.guards.guarded import Guarded
from admit.guards.once import USED, note, told, used
from admit.guards.refusal import refused
from admit.trail import ACTING, Acting, itself

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

PRINCIPAL = "admit.principal"
"""The key of the scope under which the application finds the Principal."""

_KEY_HEADER = KEY_HEADER.encode()
_PRESENTING = frozenset((b"authorization", b"cookie", _KEY_HEADER))

_HEADS = frozenset(("http.response.start", "websocket.accept", "websocket.http.response.start"))

POLICY_VIOLATION = 1008
"""The code that a WebSocket is closed with (RFC 6455, section 7.4.1)."""


_By = list[tuple[Scope, Principal]]
"""Whose request is answered; empty once it was."""


class Guard(Guarded[App, "Entrance"]):
    """Lets a request through to ``app`` when ``door`` admits it and ``requirement`` holds; else answers by itself.

    The application finds the Principal as ``scope["admit.principal"]`` and as ``request.state.principal``.
    A browser that navigates is led to the pages ``sign_in`` and ``confirm``, where there are such. The body is
    not read. Raises ConfigError.
    """

    @staticmethod
    def _way_in(door: Door, requirement: Requirement) -> Entrance:
        return Entrance(door, requirement, acts=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, one WebSocket, or the life of the application."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        try:
            who = self._entrance.at_once(scope)
            if who is None:
                who = await self._entrance.admitted(scope)
        except AdmitError as error:
            await Refusal(error, asked(scope, self._door.origin), self._detours)(scope, receive, send)
            return
        scope[PRINCIPAL] = who
        scope.setdefault("state", {})["principal"] = who
        by: _By = [(scope, who)]
        if self._door.notes:
            ACTING.set((self._acting, by))
        try:
            await self._app(scope, receive, telling(scope, send) if USED in scope else send)
        finally:
            # Nobody acts any more, wherever this context lives on, and it keeps nothing of the request.
            by.clear()

    def _acting(self, by: _By) -> Acting:
        return Acting(asked(by[0][0], self._door.origin), by[0][1]) if by else Acting()


class Entrance:
    """A door and what is asked there, as every guard goes through it.

    Whom it lets in acts from then on, by what the audit log says, unless nobody ``acts``: until the task of the request
    is done. Its context may live on, for a server that reads on within it begins the next request of the connection there.
    """

    __slots__ = ("_acting", "_acts", "_at_once", "_door", "_requirement")

    def __init__(self, door: Door, requirement: Requirement, *, acts: bool = True) -> None:
        self._door = door
        self._requirement = requirement
        self._at_once = at_once(door, requirement)
        self._acts = acts and door.notes
        self._acting = self._acting_by

    def at_once(self, scope: Scope) -> Principal | None:
        """Whom a request speaks for that is like most: one credential, which was seen before.

        None for every other: which credential counts then, and what is wrong with it, is for :meth:`admitted` to
        say. Raises NotEnough.
        """
        authorization = cookie = key = None
        for name, value in scope["headers"]:
            if name not in _PRESENTING:
                continue
            if name == b"authorization":
                if authorization is not None:
                    return None
                authorization = value.decode("latin-1")
            elif name == b"cookie":
                if cookie is not None:
                    return None
                cookie = value.decode("latin-1")
            else:
                if key is not None:
                    return None
                key = value.decode("latin-1")
        if cookie is not None and (scope["type"] != "http" or scope["method"] not in SAFE_METHODS):
            cookie = None
        who = self._at_once(authorization, cookie, key)
        return None if who is None else self.acting(scope, who)

    async def admitted(self, scope: Scope) -> Principal:
        """Whom the request of ``scope`` speaks for. Raises Denied, Stale, StoreError."""
        door, accept = self._door, self._requirement.accept
        who = used(scope, door, accept)
        if who is None:
            who = await door.admit(asked(scope, door.origin), accept=accept)
            note(scope, door, who)
        self._requirement.judge(who, self._door.clock.now())
        return self.acting(scope, who)

    def acting(self, scope: Scope, who: Principal) -> Principal:
        """``who``, who acts from now on."""
        if self._acts:
            try:
                task = current_task()
            except RuntimeError:  # a thread, whose guards set back who acted before
                task = None
            if task is None:
                ACTING.set((itself, Acting(asked(scope, self._door.origin), who)))
            else:
                running = _Running(task, _forget)
                running.by = scope, who
                ACTING.set((self._acting, running))
        return who

    def _acting_by(self, running: _Running) -> Acting:
        task, by = running(), running.by
        if by is None or task is None or task.done():
            return Acting()
        return Acting(asked(by[0], self._door.origin), by[1])


class _Running(ref[Task[Any]]):
    """The task of a request, and by whose request it runs for as long as there is that task.

    Weakly: a task holds its context, and in a circle each request would wait for the garbage collector. Servers hold a
    context for longer, beside the timer of an idle connection: a request that is over is not to be held with it.
    """

    __slots__ = ("by",)
    by: tuple[Scope, Principal] | None


def _forget(running: _Running) -> None:
    running.by = None


def telling(scope: Scope, send: Send) -> Send:
    """``send``, which has :func:`tell` look at each message."""

    def sent(message: Message) -> Awaitable[None]:
        if USED in scope:
            tell(scope, message)
        return send(message)

    return sent


def tell(scope: Scope, message: Message) -> None:
    """Add what is :func:`told` to ``message``, if that is the head of an answer which tells of no limit yet."""
    if message["type"] in _HEADS:
        given = list(message.get("headers", ()))
        if not any(name.lower() == b"ratelimit" for name, _ in given):
            more = ((name.lower().encode(), text.encode()) for name, text in told(scope).items())
            message["headers"] = [*given, *more]


def asked(scope: Scope, origin: str) -> Request:
    """The request of an ASGI ``scope`` to an application whose own origin is ``origin``.

    The URL begins with the configured origin: the Host header is the sender's word. What opens a WebSocket is
    CONNECT, as in RFC 8441: no GET, because a page of another site must not open one with our cookie.
    """
    path: bytes = scope.get("raw_path") or scope["path"].encode()
    query: bytes = scope.get("query_string", b"")
    url = origin + (path + b"?" + query if query else path).decode("latin-1")
    client = scope.get("client")
    method = scope["method"] if scope["type"] == "http" else "CONNECT"
    return Request(method, url, tuple(scope["headers"]), client[0] if client else None)


class Refusal:
    """The answer to a request that ended in an error, as an ASGI application."""

    def __init__(self, error: AdmitError, request: Request, detours: Detours) -> None:
        self.status, headers, self.body = refused(error, request, detours)
        self.headers = [(name.lower().encode(), value.encode("ascii")) for name, value in headers]

    async def __call__(self, scope: Scope, _: Receive, send: Send) -> None:
        """Answer a request, or a WebSocket that was not accepted yet."""
        prefix = "" if scope["type"] == "http" else "websocket."
        if prefix and "websocket.http.response" not in (scope.get("extensions") or {}):
            await send({"type": "websocket.close", "code": POLICY_VIOLATION})  # before accept: 403 to the client
            return
        await send({"type": f"{prefix}http.response.start", "status": self.status, "headers": self.headers})
        await send({"type": f"{prefix}http.response.body", "body": self.body})
