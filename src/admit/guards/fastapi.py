"""The guard for FastAPI: a dependency that returns the Principal, and the description of what it asks."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Unpack

from fastapi import FastAPI
from fastapi.openapi.models import HTTPBase
from fastapi.security.base import SecurityBase
from starlette.requests import HTTPConnection
from starlette.responses import Response

from admit.core.answers import MEDIA_TYPE, schemas
from admit.core.door import Door
from admit.core.principal import Principal
from admit.core.requirement import Asked, Requirement
from admit.core.scope import written
from admit.guards import starlette
from admit.guards.asgi import Entrance
from admit.guards.described import schemes
from admit.guards.once import USED, told

__all__ = ["install", "required"]

_METHODS = frozenset({"get", "put", "post", "delete", "options", "head", "patch", "trace"})
_MARK = "admit:"


class Required(SecurityBase):
    """What :func:`required` returns: called once for a request or a WebSocket, returns the Principal."""

    def __init__(self, door: Door, requirement: Requirement) -> None:
        self._entrance = Entrance(door, requirement)
        # One dependency, for speed, stands for one or more schemes: `install` writes out which.
        self.model = HTTPBase(scheme="bearer")
        self.scheme_name = f"{_MARK}{'|'.join(requirement.accept)}:{written(requirement.scope)}"

    async def __call__(self, connection: HTTPConnection, response: Response) -> Principal:
        """Whom the request speaks for. Raises Denied, Stale, StoreError."""
        scope = connection.scope
        who = self._entrance.at_once(scope) or await self._entrance.admitted(scope)
        if USED in scope:
            response.headers.update(told(scope))
        return who


def required(door: Door, *scopes: str, **more: Unpack[Asked]) -> Required:
    """A dependency: the Principal of those who hold all of ``scopes`` and one of ``roles``.

    They signed in at most ``within`` seconds ago; ``accept`` names the credentials that count. Refusals are
    answered where :func:`install` was called. Raises ConfigError.
    """
    return Required(door, Requirement.of(*scopes, **more))


def install(app: FastAPI, door: Door, *, sign_in: str | None = None, confirm: str | None = None) -> None:
    """Answer every AdmitError that leaves a route of ``app``, and describe in its OpenAPI what guarded routes ask.

    A browser that navigates is led to the pages ``sign_in`` and ``confirm``, where there are such. Raises ConfigError.
    """
    starlette.install(app, door, sign_in=sign_in, confirm=confirm)
    generated = app.openapi

    def described() -> dict[str, Any]:
        description = generated()
        _describe(description, door)
        return description

    app.openapi = described  # type: ignore[method-assign]  # as FastAPI's documentation extends it


def _describe(description: dict[str, Any], door: Door) -> None:
    """Write out the schemes of guarded operations. Harmless when done already."""
    components = description.get("components", {})
    known: dict[str, Any] = components.get("securitySchemes", {})
    marks = [name for name in known if name.startswith(_MARK)]
    if not marks:
        return
    for mark in marks:
        del known[mark]
        known.update(schemes(_doors(mark), door.cookies))
    components.setdefault("schemas", {}).update(schemas())
    for path in description["paths"].values():
        for method in _METHODS & path.keys():
            _write_out(path[method])


def _write_out(operation: dict[str, Any]) -> None:
    asked: list[dict[str, list[str]]] = operation.get("security", [])
    marks = [name for choice in asked for name in choice if name.startswith(_MARK)]
    if not marks:
        return
    # OpenAPI 3.1: for these kinds of schemes the list names what the caller has to be allowed.
    operation["security"] = [
        *(choice for choice in asked if not choice.keys() & set(marks)),
        *({kind: mark.split(":", 2)[2].split()} for mark in marks for kind in _doors(mark)),
    ]
    for status in (401, 403, 503):
        refused = {
            "description": HTTPStatus(status).phrase,
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        operation["responses"].setdefault(str(status), refused)


def _doors(mark: str) -> list[str]:
    return mark.split(":", 2)[1].split("|")
