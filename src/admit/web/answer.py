"""Errors as answers of the HTTP application; which status and which words, `admit.core.answers` knows."""

from __future__ import annotations

import logging

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import BaseRoute, Match
from starlette.types import Scope

from admit.core.answers import MEDIA_TYPE, OUTSIDE, Field, Problem, headers_of, problem, problem_of
from admit.core.return_to import is_for_a_person
from admit.errors import AdmitError, BadInput, Denied
from admit.guards.asgi import asked
from admit.web.pages.refused import elsewhere, is_page, refused

_FIELDS_AT_MOST = 20
_FIELD_LENGTH = 64
_METHODS = ("DELETE", "GET", "PATCH", "POST", "PUT")

_log = logging.getLogger("admit.web")


class SignUpClosed(Denied):
    """Accounts are made by an operator here, and nobody learns who has one by asking for another (ENU-02)."""

    code = "sign_up_closed"
    public = "You cannot make an account here yourself; ask those who run this service."


class SignInFailed(Denied):
    """The address or the password is wrong, or the account may not sign in: nobody outside learns which."""

    code = "sign_in_failed"
    public = "The e-mail address or the password is not right."


def answer(scope: Scope, error: Exception) -> Response:
    """The problem that ``error`` is to the outside; its reason goes to the log, and there only."""
    headers = dict[str, str]()
    match error:
        case AdmitError():
            found, headers = problem_of(error), headers_of(error)
        case RequestValidationError():
            found = _invalid(error)
        case HTTPException() if error.status_code in OUTSIDE:
            found, headers = OUTSIDE[error.status_code], dict(error.headers or {})
            if "Allow" in headers:
                headers["Allow"] = ", ".join(sorted(_allowed(scope).union(headers["Allow"].split(", "))))
        case _:
            found = problem_of(error)
    _note(scope, found, error)
    if is_page(scope):
        return refused(scope, scope["app"].state.pages, error, found, headers)
    return Response(found.body, found.status, headers, MEDIA_TYPE)


def refused_elsewhere(scope: Scope, error: AdmitError, *, again: str) -> Response:
    """The same at another host than ours, where a person gets a page whose links lead back, and ``again``."""
    found, headers = problem_of(error), headers_of(error)
    _note(scope, found, error)
    if is_for_a_person(asked(scope, "")):
        return elsewhere(scope["app"].state.pages, found, headers, again)
    return Response(found.body, found.status, headers, MEDIA_TYPE)


def _allowed(scope: Scope) -> set[str]:
    """The methods that the path of ``scope`` takes: the router names those of the first of its routes only."""
    routes: list[BaseRoute] = scope["app"].routes
    return {method for method in _METHODS for route in routes if _takes(route, {**scope, "method": method})}


def _takes(route: BaseRoute, scope: Scope) -> bool:
    return route.matches(scope)[0] is Match.FULL


def _invalid(error: RequestValidationError) -> Problem:
    """The fields that are wrong; never what they held, which may be a password."""
    faults = error.errors()
    if any(fault["type"] == "json_invalid" for fault in faults):
        return OUTSIDE[400]
    fields = tuple(
        Field(".".join(map(str, fault["loc"][1:]))[:_FIELD_LENGTH], fault["msg"]) for fault in faults[:_FIELDS_AT_MOST]
    )
    return problem(422, "bad_request", "The request has fields that are missing, unknown or of the wrong kind.", fields)


def _note(scope: Scope, found: Problem, error: Exception) -> None:
    asked = (scope["method"], scope["path"], found.status, found.code)
    match error:
        case BadInput() | RequestValidationError() | HTTPException():
            _log.info("%s %r %d %s %r", *asked, [field.field for field in found.fields])
        case AdmitError():
            level = logging.ERROR if found.status >= 500 else logging.INFO
            _log.log(level, "%s %r %d %s: %s", *asked, error)
        case _:
            _log.error("%s %r %d %s", *asked, exc_info=error)
