"""What the OpenAPI description says beyond the routes: problems, and the ways of presenting a session."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.middleware.asyncexitstack import AsyncExitStackMiddleware
from starlette.types import ASGIApp

from admit.core.answers import MEDIA_TYPE, schemas
from admit.web.direct import Endpoint

_PROBLEM = {"content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}}

SIGNED_IN: dict[str, Any] = {"security": [{"cookie": []}, {"bearer": []}]}
"""``openapi_extra`` of a route that somebody must be signed in for."""


LET_IN: dict[str, Any] = {"security": [*SIGNED_IN["security"], {"api_key": []}]}
"""``openapi_extra`` of a route that takes API keys too."""


REFRESHED: dict[str, Any] = {"security": [{}, {"refresh": []}]}
"""``openapi_extra`` of the one route that takes the cookie of a refresh token."""


TOKEN_FORM: dict[str, Any] = {
    "required": True,
    "content": {
        "application/x-www-form-urlencoded": {
            "schema": {
                "type": "object",
                "required": ["token"],
                "properties": {"token": {"type": "string", "minLength": 1}, "token_type_hint": {"type": "string"}},
            }
        }
    },
}
"""``requestBody`` of what takes one token as a form (RFC 7009 and RFC 7662, section 2.1)."""


QUESTION_FORM = deepcopy(TOKEN_FORM)
"""``requestBody`` of the question about a token, to which whoever heeds its conditions adds that."""
QUESTION_FORM["content"]["application/x-www-form-urlencoded"]["schema"]["properties"]["conditions"] = {
    "type": "string",
    "enum": ["heeded"],
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """``responses`` of a route that may refuse with ``statuses``, and with what every route may refuse with."""
    named: dict[int | str, dict[str, Any]] = {
        status: {"description": HTTPStatus(status).phrase} | _PROBLEM for status in statuses
    }
    return named | {"default": {"description": "Refused before a route, or the service cannot answer"} | _PROBLEM}


class Described(FastAPI):
    """A FastAPI application whose description is complete, ``endpoints`` included.

    ``cookie`` and ``refresh`` are the names of the cookies.
    """

    def __init__(self, *, cookie: str, refresh: str, endpoints: Sequence[Endpoint], **settings: Any) -> None:
        super().__init__(**settings)
        self._endpoints = endpoints
        self._cookie = cookie
        self._refresh = refresh

    def build_middleware_stack(self) -> ASGIApp:
        """The middleware that was given, around the router: what FastAPI adds answers errors, and here one does so for all."""
        app: ASGIApp = AsyncExitStackMiddleware(self.router)  # FastAPI's routes ask for it
        for middleware, some, named in reversed(self.user_middleware):
            app = middleware(app, *some, **named)
        return app

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI description."""
        if self.openapi_schema is None:
            described = super().openapi()
            described["paths"] |= {one.path_format: {"get": one.operation} for one in self._endpoints}
            components: dict[str, Any] = described.setdefault("components", {})
            components["schemas"].update(schemas())
            components["securitySchemes"] = {
                "cookie": {"type": "apiKey", "in": "cookie", "name": self._cookie},
                "refresh": {"type": "apiKey", "in": "cookie", "name": self._refresh},
                "verifier": {"type": "http", "scheme": "bearer", "description": "A verifier key (adm_v_…)."},
                "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
                "api_key": {"type": "http", "scheme": "bearer", "bearerFormat": "adm_k_…"},
            }
        return super().openapi()
