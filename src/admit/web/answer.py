"""The one place that knows statuses: how every error becomes a problem body (RFC 9457)."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Mapping
from http import HTTPStatus
from typing import Literal

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from admit.errors import (
    AdmitError,
    BadCredential,
    BadInput,
    Conflict,
    Denied,
    NoCredential,
    Stale,
    StoreError,
    TooMany,
)

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER = 1
"""Seconds after which to ask again while the service cannot answer."""

_FIELDS_AT_MOST = 20
_FIELD_LENGTH = 64

_log = logging.getLogger("admit.web")


class Field(BaseModel):
    """What is wrong with one field of a request."""

    field: str
    detail: str


class Problem(BaseModel):
    """Why a request was refused (RFC 9457): ``code`` is stable and for programs, ``detail`` is for people."""

    type: Literal["about:blank"] = "about:blank"
    title: str
    status: int
    code: str
    detail: str
    fields: list[Field]


class SignInFailed(Denied):
    """The address or the password is wrong, or the account may not sign in: nobody outside learns which."""

    code = "sign_in_failed"
    public = "The e-mail address or the password is not right."


# The nearest of an error's classes decides.
_STATUSES: Mapping[type[Exception], int] = {
    NoCredential: 401,
    BadCredential: 401,
    SignInFailed: 401,
    Denied: 403,
    TooMany: 429,
    BadInput: 422,
    Conflict: 409,
    # Never 401: a client must not throw its sign-in away because our store is down.
    Stale: 503,
    StoreError: 503,
}
_BY_CODE = {"email_taken": 409, "no_account": 404, "not_found": 404}

# What is refused before a route, or where there is none.
_OUTSIDE: Mapping[int, tuple[str, str]] = {
    400: ("bad_request", "The body is not JSON that can be read."),
    404: ("not_found", "There is nothing here."),
    405: ("method_not_allowed", "This cannot be done here; the Allow header says what can."),
    413: ("too_large", "The body is too large."),
    415: ("not_json", "Send the body as JSON, with Content-Type: application/json."),
    421: ("wrong_host", "This server does not answer to that host name; use the one of its issuer."),
}


async def answered(request: Request, error: Exception) -> Response:
    """The answer to a request that ended in ``error``."""
    return answer(request.scope, error)


def answer(scope: Scope, error: Exception) -> Response:
    """The problem that ``error`` is to the outside; its reason goes to the log, and there only."""
    problem, headers = _problem(error)
    _note(scope, problem, error)
    # ASCII: what a client wrote in a field's name need not be valid Unicode.
    body = json.dumps(problem.model_dump()).encode("ascii")
    return Response(body, problem.status, headers, MEDIA_TYPE)


def status_of(error: AdmitError) -> int:
    """The HTTP status of ``error``."""
    found = (_STATUSES[kind] for kind in type(error).__mro__ if kind in _STATUSES)
    return _BY_CODE.get(error.code) or next(found, 500)


def _problem(error: Exception) -> tuple[Problem, Mapping[str, str]]:
    match error:
        case BadInput():
            fields = [] if error.field is None else [Field(field=error.field, detail=error.public)]
            return _written(status_of(error), error.code, error.public, fields), {}
        case AdmitError():
            return _written(status_of(error), error.code, error.public), _headers(error)
        case RequestValidationError():
            return _invalid(error), {}
        case HTTPException() if error.status_code in _OUTSIDE:
            return _written(error.status_code, *_OUTSIDE[error.status_code]), error.headers or {}
        case _:
            return _written(500, AdmitError.code, AdmitError.public), {}


def _written(status: int, code: str, detail: str, fields: list[Field] | None = None) -> Problem:
    return Problem(title=HTTPStatus(status).phrase, status=status, code=code, detail=detail, fields=fields or [])


def _headers(error: AdmitError) -> Mapping[str, str]:
    match error:
        case TooMany():
            return {"Retry-After": str(math.ceil(error.retry_after))}
        case Stale() | StoreError() if not isinstance(error, Conflict):
            return {"Retry-After": str(RETRY_AFTER)}
        case BadCredential():
            # RFC 6750, 3.1: one word for expired, revoked and malformed; which of them it is stays with us.
            return {"WWW-Authenticate": 'Bearer error="invalid_token"'}
        case NoCredential() | SignInFailed():
            return {"WWW-Authenticate": "Bearer"}
        case _:
            return {}


def _invalid(error: RequestValidationError) -> Problem:
    """The fields that are wrong; never what they held, which may be a password."""
    faults = error.errors()
    if any(fault["type"] == "json_invalid" for fault in faults):
        return _written(400, *_OUTSIDE[400])
    fields = [
        Field(field=".".join(map(str, fault["loc"][1:]))[:_FIELD_LENGTH], detail=fault["msg"])
        for fault in faults[:_FIELDS_AT_MOST]
    ]
    return _written(
        422, "bad_request", "The request has fields that are missing, unknown or of the wrong kind.", fields
    )


def _note(scope: Scope, problem: Problem, error: Exception) -> None:
    asked = (scope["method"], scope["path"], problem.status, problem.code)
    match error:
        case BadInput() | RequestValidationError() | HTTPException():
            _log.info("%s %r %d %s %r", *asked, [field.field for field in problem.fields])
        case AdmitError():
            level = logging.ERROR if problem.status >= 500 else logging.INFO
            _log.log(level, "%s %r %d %s: %s", *asked, error)
        case _:
            _log.error("%s %r %d %s", *asked, exc_info=error)
