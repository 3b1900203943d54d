"""The guard for Litestar: a guard for routes and routers, a typed ``request.user``, and a plugin that answers refusals."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from typing import Any, Unpack, cast

from litestar import Request, Response, asgi
from litestar.config.app import AppConfig
from litestar.connection import ASGIConnection
from litestar.di import Provide
from litestar.exceptions import ImproperlyConfiguredException
from litestar.handlers import ASGIRouteHandler, BaseRouteHandler
from litestar.openapi.spec import Components, SecurityScheme
from litestar.plugins import InitPlugin, ReceiveRoutePlugin
from litestar.routes import BaseRoute, HTTPRoute, WebSocketRoute
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from admit.core.door import Door
from admit.core.presented import DOORS
from admit.core.principal import Principal
from admit.core.requirement import Asked, Requirement
from admit.core.return_to import Detours
from admit.core.scope import written
from admit.errors import AdmitError
from admit.guards.asgi import POLICY_VIOLATION, PRINCIPAL, App, Entrance, Refusal, asked, telling
from admit.guards.described import schemes
from admit.guards.refusal import refused

__all__ = ["AdmitPlugin", "mounted", "required"]

_ERROR = "admit.error"


class Required:
    """What :func:`required` returns: called before the handler, for a request or a WebSocket."""

    def __init__(self, door: Door, requirement: Requirement) -> None:
        self._entrance = Entrance(door, requirement)
        self.requirement = requirement

    def __deepcopy__(self, _: object) -> Required:
        return self  # Litestar copies a handler with all that is on it; this never changes

    async def __call__(self, connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
        """Let the connection through. Raises Denied, Stale, StoreError."""
        scope: Any = connection.scope
        scope["user"] = scope[PRINCIPAL] = self._entrance.at_once(scope) or await self._entrance.admitted(scope)


def required(door: Door, *scopes: str, **more: Unpack[Asked]) -> Required:
    """A guard of a handler, controller, router or application: for those who hold all of ``scopes`` and one of ``roles``.

    They signed in at most ``within`` seconds ago; ``accept`` names the credentials that count. The handler finds the
    Principal as ``request.user``, or asks for it as ``principal``. Refusals are answered by :class:`AdmitPlugin`.
    Raises ConfigError.
    """
    return Required(door, Requirement.of(*scopes, **more))


def mounted(path: str, app: App) -> ASGIRouteHandler:
    """``app``, such as the one people sign in with, as a handler of all that lies under ``path``.

    It is asked for the path as the client wrote it; Litestar itself ends that of what is mounted with a slash.
    """

    async def served(scope: Scope, receive: Receive, send: Send) -> None:
        beneath = scope["path"].rstrip("/")
        theirs: Any = {**scope, "root_path": path, "path": path + beneath}
        await app(theirs, cast("Any", receive), cast("Any", send))

    return asgi(path, is_mount=True, copy_scope=True)(served)


class AdmitPlugin(InitPlugin, ReceiveRoutePlugin):
    """Answers every AdmitError that leaves a handler, hands out ``principal``, and describes in OpenAPI what is asked.

    A browser that navigates is led to the pages ``sign_in`` and ``confirm``, where there are such. Raises ConfigError.
    """

    def __init__(self, door: Door, *, sign_in: str | None = None, confirm: str | None = None) -> None:
        self._door = door
        self._detours = Detours(sign_in, confirm)

    def on_app_init(self, app_config: AppConfig) -> AppConfig:
        """Add to an application what answers and describes."""
        config: Any = app_config  # its types say less to one checker than to another
        config.exception_handlers[AdmitError] = self._answered
        config.after_exception.append(_kept)
        config.middleware.insert(0, _telling)
        app_config.dependencies["principal"] = Provide(_principal, sync_to_thread=False)
        if (described := app_config.openapi_config) is not None:
            before = described.components if isinstance(described.components, list) else [described.components]
            ours = Components(security_schemes=dict(self._schemes()))
            # A copy: what Litestar uses where nothing is given belongs to every application of this process.
            app_config.openapi_config = copy(described)
            app_config.openapi_config.components = [*before, ours]
        return app_config

    def receive_route(self, route: BaseRoute) -> None:
        """Describe what the guards of ``route`` ask for; answer refusals of a WebSocket, which Litestar only closes."""
        if isinstance(route, HTTPRoute):
            for handler in route.route_handlers:
                known: Any = handler
                guards: list[object] = known.resolve_guards()
                asked_for = [guard.requirement for guard in guards if isinstance(guard, Required)]
                if asked_for:
                    handler.security = [*(handler.security or ()), *_security(asked_for)]
        elif isinstance(route, WebSocketRoute):
            route.route_handler.middleware = [*(route.route_handler.middleware or ()), self._refusing]

    def _schemes(self) -> dict[str, SecurityScheme]:
        return {
            door: SecurityScheme(
                type=found["type"],
                name=found.get("name"),
                security_scheme_in=found.get("in"),
                scheme=found.get("scheme"),
                bearer_format=found.get("bearerFormat"),
            )
            for door, found in schemes(DOORS, self._door.cookies).items()
        }

    def _answered(self, request: Request[Any, Any, Any], error: AdmitError) -> Response[bytes]:
        scope: Any = request.scope
        status, headers, body = refused(error, asked(scope, self._door.origin), self._detours)
        given = dict(headers)
        return Response(body, status_code=status, headers=given, media_type=given["Content-Type"])

    def _refusing(self, app: ASGIApp) -> ASGIApp:
        async def served(scope: Scope, receive: Receive, send: Send) -> None:
            """A WebSocket: what Litestar would close is refused, as long as it was not accepted."""
            known: Any = scope
            accepted = False

            async def sent(message: Message) -> None:
                nonlocal accepted
                accepted = accepted or message["type"] == "websocket.accept"
                error: AdmitError | None = known.get(_ERROR)
                if message["type"] != "websocket.close" or error is None:
                    await send(message)
                elif accepted:
                    await send({"type": "websocket.close", "code": POLICY_VIOLATION, "reason": error.public})
                else:
                    refusal: Any = Refusal(error, asked(known, self._door.origin), self._detours)
                    await refusal(known, receive, send)

            await app(scope, receive, sent)

        return served


async def _kept(error: Exception, scope: Any) -> None:
    """Keep ``error`` for whoever answers a WebSocket: what Litestar makes of it says nothing."""
    if isinstance(error, AdmitError):
        scope[_ERROR] = error


def _telling(app: ASGIApp) -> ASGIApp:
    def served(scope: Scope, receive: Receive, send: Send) -> Any:
        return app(scope, receive, cast("Any", telling(cast("Any", scope), cast("Any", send))))

    return served


def _principal(scope: Scope) -> Principal:
    known: Any = scope
    who: Principal | None = known.get(PRINCIPAL)
    if who is None:
        raise ImproperlyConfiguredException("A handler asks for a principal that no guard lets in: add required(…).")
    return who


def _security(asked_for: Sequence[Requirement]) -> list[dict[str, list[str]]]:
    """What a handler asks for behind all of these guards: the scopes of each, by credentials that count at each."""
    scope = frozenset[str]().union(*(one.scope for one in asked_for))
    doors = [door for door in asked_for[-1].accept if all(door in one.accept for one in asked_for)]
    # OpenAPI 3.1: for these kinds of schemes the list names what the caller has to be allowed.
    return [{door: written(scope).split()} for door in doors]
