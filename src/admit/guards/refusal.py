"""What every guard answers to whom it does not let in, and what it writes down."""

from __future__ import annotations

import logging
from typing import NamedTuple

from admit.core.answers import MEDIA_TYPE, headers_of, problem_of
from admit.core.presented import BY_PROGRAMS
from admit.core.request import Request
from admit.core.return_to import Detours
from admit.errors import AdmitError, BadCredential, NoCredential

_log = logging.getLogger("admit.guards")


class Answer(NamedTuple):
    """An answer, before a framework sends it in its own way."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


def is_stranger(error: AdmitError, request: Request) -> bool:
    """Whether who was refused with ``error`` may go on as nobody, where nobody in particular is asked for.

    They present nothing, or a cookie that is no good: a browser cannot help sending that, not even to the page where
    one signs in. A program is told.
    """
    over = isinstance(error, BadCredential) and not any(request.values(name) for name in BY_PROGRAMS)
    return over or isinstance(error, NoCredential)


def refused(error: AdmitError, request: Request, detours: Detours) -> Answer:
    """The answer to a ``request`` that ended in ``error``; its reason goes to the log only."""
    problem = problem_of(error)
    elsewhere = detours.instead_of(error, request)
    # No cache may give this answer to somebody who is signed in, or to the same person later.
    headers = {"Cache-Control": "no-store"}
    if elsewhere is None:
        status, body = problem.status, problem.body
        headers |= {"Content-Type": MEDIA_TYPE} | headers_of(error)
    else:
        status, body = 303, b""
        headers |= {"Location": elsewhere, "Content-Type": "text/plain"}  # WSGI asks for one on every body, if empty
    headers["Content-Length"] = str(len(body))
    level = logging.ERROR if problem.status >= 500 else logging.INFO
    path = request.url.partition("?")[0]  # a query may hold what is none of the log's business
    _log.log(level, "%s %r %d %s: %s", request.method, path, status, error.code, error)
    return Answer(status, list(headers.items()), body)
