"""The guard for Flask: views that ask for something, and the Principal in ``flask.g``."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any, Unpack

from flask import Flask, Response, after_this_request, current_app, g, request

from admit.core.door import Door
from admit.core.requirement import Asked, Requirement
from admit.core.return_to import Detours
from admit.errors import AdmitError
from admit.guards.once import USED, told
from admit.guards.refusal import refused
from admit.guards.wsgi import PRINCIPAL, Entrance, asked
from admit.trail import ACTING

__all__ = ["install", "required"]

View = Callable[..., Any]


def required(door: Door, *scopes: str, **more: Unpack[Asked]) -> Callable[[View], View]:
    """A decorator: the view is called for those only who hold all of ``scopes`` and one of ``roles``.

    They signed in at most ``within`` seconds ago; ``accept`` names the credentials that count. The view finds the
    Principal as ``flask.g.principal``. It stands *below* the decorator of the route, which takes what it is given.
    Refusals are answered where :func:`install` was called. Raises ConfigError.
    """
    entrance = Entrance(door, Requirement.of(*scopes, **more))

    def guarding(view: View) -> View:
        waits = inspect.iscoroutinefunction(view)

        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            environ = request.environ  # each look at what Flask calls the current one costs as much as a verification
            before = ACTING.set(ACTING.get())
            try:
                g.principal = environ[PRINCIPAL] = entrance.admitted(environ)
                if USED in environ:
                    after_this_request(_telling)
                return current_app.ensure_sync(view)(*args, **kwargs) if waits else view(*args, **kwargs)
            finally:
                ACTING.reset(before)

        return guarded

    return guarding


def install(app: Flask, door: Door, *, sign_in: str | None = None, confirm: str | None = None) -> None:
    """Answer every AdmitError that leaves a view of ``app``.

    A browser that navigates is led to the pages ``sign_in`` and ``confirm``, where there are such. Raises ConfigError.
    """
    detours = Detours(sign_in, confirm)

    def answered(error: AdmitError) -> Response:
        status, headers, body = refused(error, asked(request.environ, door.origin), detours)
        return Response(body, status, headers)

    app.register_error_handler(AdmitError, answered)


def _telling(response: Response) -> Response:
    """``response``, with what is :func:`told` in its head."""
    response.headers.update(told(request.environ))
    return response
