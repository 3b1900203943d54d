"""The guard for Starlette: endpoints that ask for something, and ``request.user`` for all others."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Collection
from functools import wraps
from typing import Any, Unpack, cast

from starlette.applications import Starlette
from starlette.authentication import AuthCredentials, BaseUser, UnauthenticatedUser
from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.websockets import WebSocket, WebSocketState

from admit.core.door import Door
from admit.core.presented import DOORS
from admit.core.principal import Principal
from admit.core.requirement import Asked, Requirement
from admit.core.return_to import Detours
from admit.errors import AdmitError
from admit.guards.asgi import POLICY_VIOLATION, PRINCIPAL, App, Entrance, Receive, Refusal, Scope, Send, asked, telling
from admit.guards.once import USED, told
from admit.guards.refusal import is_stranger

Endpoint = Callable[..., Any]


class User(BaseUser):
    """Somebody who was admitted, as Starlette's ``request.user``; ``principal`` is all that is known."""

    def __init__(self, principal: Principal) -> None:
        self.principal = principal

    @property
    def is_authenticated(self) -> bool:
        """True: nobody else gets one."""
        return True

    @property
    def display_name(self) -> str:
        """The id of the subject; a name, if there is one, is the application's to know."""
        return self.principal.subject

    @property
    def identity(self) -> str:
        """The id of the subject."""
        return self.principal.subject


class Authentication:
    """Gives every request of ``app`` a ``request.user`` and ``request.auth``, and lets those in who present nothing.

    Middleware, in the place of Starlette's own. A browser whose cookie is over is one of them; who presents any other
    credential that is not good is refused.
    """

    def __init__(self, app: App, door: Door, *, accept: str | Collection[str] = DOORS) -> None:
        self._app = app
        self._door = door
        self._entrance = Entrance(door, Requirement.of(accept=accept))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, one WebSocket, or the life of the application."""
        if scope["type"] in ("http", "websocket"):
            try:
                _know(scope, self._entrance.at_once(scope) or await self._entrance.admitted(scope))
            except AdmitError as error:
                request = asked(scope, self._door.origin)
                if not is_stranger(error, request):
                    await Refusal(error, request, Detours())(scope, receive, send)
                    return
                scope["user"], scope["auth"] = UnauthenticatedUser(), AuthCredentials()
        await self._app(scope, receive, telling(scope, send) if USED in scope else send)


def required(door: Door, *scopes: str, **more: Unpack[Asked]) -> Callable[[Endpoint], Callable[..., Awaitable[Any]]]:
    """A decorator: the endpoint is called for those only who hold all of ``scopes`` and one of ``roles``.

    They signed in at most ``within`` seconds ago; ``accept`` names the credentials that count. The endpoint finds
    the Principal as ``request.user.principal``. Refusals are answered where :func:`install` was called. Raises ConfigError.
    """
    entrance = Entrance(door, Requirement.of(*scopes, **more))

    def guarding(endpoint: Endpoint) -> Callable[..., Awaitable[Any]]:
        waits = inspect.iscoroutinefunction(endpoint)

        @wraps(endpoint)
        async def guarded(*args: Any, **kwargs: Any) -> Any:
            first = args[0] if args else None
            scope = first.scope if isinstance(first, HTTPConnection) else _scope(*args, *kwargs.values())
            _know(scope, entrance.at_once(scope) or await entrance.admitted(scope))
            answer = await endpoint(*args, **kwargs) if waits else await run_in_threadpool(endpoint, *args, **kwargs)
            if USED in scope and isinstance(answer, Response):
                answer.headers.update(told(scope))
            return answer

        return guarded

    return guarding


def install(app: Starlette, door: Door, *, sign_in: str | None = None, confirm: str | None = None) -> None:
    """Answer every AdmitError that leaves an endpoint of ``app``.

    A browser that navigates is led to the pages ``sign_in`` and ``confirm``, where there are such. Raises ConfigError.
    """
    detours = Detours(sign_in, confirm)

    async def answered(connection: HTTPConnection, error: Exception) -> Response | None:
        if isinstance(connection, WebSocket) and connection.application_state is not WebSocketState.CONNECTING:
            await connection.close(POLICY_VIOLATION)
            return None
        refusal = Refusal(cast("AdmitError", error), asked(connection.scope, door.origin), detours)
        return cast("Response", refusal)  # an ASGI application, which is all that is asked of it

    app.add_exception_handler(AdmitError, cast("Any", answered))


def _scope(*given: Any) -> Scope:
    """The scope of the connection that an endpoint was called with: the second argument of a method, or a named one."""
    return next(found.scope for found in given if isinstance(found, HTTPConnection))


def _know(scope: Scope, who: Principal) -> None:
    scope[PRINCIPAL] = who
    scope["user"] = User(who)
    scope["auth"] = AuthCredentials(["authenticated", *sorted(who.scope)])
