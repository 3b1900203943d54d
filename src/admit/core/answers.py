"""The one place that knows statuses: what every error is to the outside, as a problem body (RFC 9457)."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from admit.errors import (
    AdmitError,
    BadCredential,
    BadInput,
    Conflict,
    CursorLost,
    Denied,
    NoCredential,
    NotEnough,
    Stale,
    StepUp,
    StoreError,
    TooMany,
)

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER = 1
"""Seconds after which to ask again while the service cannot answer."""

# RFC 9110, section 15; RFC 6585 for 429.
_TITLES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    409: "Conflict",
    410: "Gone",
    413: "Content Too Large",
    415: "Unsupported Media Type",
    421: "Misdirected Request",
    422: "Unprocessable Content",
    429: "Too Many Requests",
    500: "Internal Server Error",
    503: "Service Unavailable",
}

# The nearest of an error's classes decides.
_STATUSES: Mapping[type[Exception], int] = {
    NoCredential: 401,
    BadCredential: 401,
    StepUp: 401,
    Denied: 403,
    TooMany: 429,
    BadInput: 422,
    Conflict: 409,
    CursorLost: 410,
    # Never 401: a client must not throw its sign-in away because our store is down.
    Stale: 503,
    StoreError: 503,
}
_BY_CODE = {
    "sign_in_failed": 401,
    "email_taken": 409,
    "no_account": 404,
    "no_api_key": 404,
    "not_found": 404,
    "bad_form": 400,
    "not_json": 415,
    "not_form": 415,
}


class Field(msgspec.Struct, frozen=True):
    """What is wrong with one field of a request."""

    field: str
    detail: str


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """Why a request was refused (RFC 9457): ``code`` is stable and for programs, ``detail`` is for people."""

    type: Literal["about:blank"] = "about:blank"
    title: str
    status: int
    code: str
    detail: str
    fields: tuple[Field, ...]

    @property
    def body(self) -> bytes:
        """The problem as JSON in ASCII: what a client wrote in a field's name need not be valid Unicode."""
        return json.dumps(msgspec.to_builtins(self)).encode("ascii")


def problem(status: int, code: str, detail: str, fields: tuple[Field, ...] = ()) -> Problem:
    """The problem of ``status``, one of those that are ever answered."""
    return Problem(title=_TITLES[status], status=status, code=code, detail=detail, fields=fields)


OUTSIDE: Mapping[int, Problem] = {
    status: problem(status, code, detail)
    for status, code, detail in (
        (400, "bad_request", "The body is not JSON that can be read."),
        (404, "not_found", "There is nothing here."),
        (405, "method_not_allowed", "This cannot be done here; the Allow header says what can."),
        (413, "too_large", "The body is too large."),
        (421, "wrong_host", "This server does not answer to that host name; use the one of its issuer."),
    )
}
"""What is refused before a route, or where there is none."""


def problem_of(error: Exception) -> Problem:
    """The problem that ``error`` is to the outside; its reason is not in it."""
    match error:
        case BadInput(field=str() as field):
            return problem(status_of(error), error.code, error.public, (Field(field, error.public),))
        case AdmitError():
            return problem(status_of(error), error.code, error.public)
        case _:
            return problem(500, AdmitError.code, AdmitError.public)


def status_of(error: AdmitError) -> int:
    """The HTTP status of ``error``."""
    found = (_STATUSES[kind] for kind in type(error).__mro__ if kind in _STATUSES)
    return _BY_CODE.get(error.code) or next(found, 500)


def headers_of(error: AdmitError) -> dict[str, str]:
    """The headers that tell a client what to do about ``error``: when to come again, or what to bring."""
    match error:
        case TooMany():
            after = {"Retry-After": str(math.ceil(error.retry_after))}
            return after if error.quota is None else after | rate_headers(*error.quota, 0, error.retry_after)
        case Stale() | StoreError() if status_of(error) == 503:
            return {"Retry-After": str(RETRY_AFTER)}
        case StepUp():
            # RFC 9470, section 3.
            challenge = f'error="insufficient_user_authentication", max_age={int(error.max_age)}'
        case NotEnough(scope=str() as scope) if scope:
            # RFC 6750, section 3.1.
            challenge = f'error="insufficient_scope", scope="{scope}"'
        case BadCredential():
            # RFC 6750, section 3.1: one word for expired, revoked and malformed; which of them it is stays with us.
            challenge = 'error="invalid_token"'
        case _ if status_of(error) == 401:
            return {"WWW-Authenticate": "Bearer"}
        case _:
            return {}
    return {"WWW-Authenticate": f"Bearer {challenge}"}


def rate_headers(hits: int, window: float, left: int, seconds: float) -> dict[str, str]:
    """The headers that tell how often one may, and ``left`` times still within ``seconds``.

    As in draft-ietf-httpapi-ratelimit-headers-10, whose numbers are whole.
    """
    return {
        "RateLimit-Policy": f'"api-key";q={hits};w={math.ceil(window)}',
        "RateLimit": f'"api-key";r={left};t={math.ceil(seconds)}',
    }


def schemas() -> dict[str, Any]:
    """The JSON Schemas of a problem body, by name, as an OpenAPI description holds them."""
    _, found = msgspec.json.schema_components([Problem], ref_template="#/components/schemas/{name}")
    return found
