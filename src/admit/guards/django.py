"""The guard for Django: a middleware that knows everybody, ``request.user`` for templates, and views that ask for something."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from functools import wraps
from typing import Any, Unpack

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.module_loading import import_string

from admit.core.door import Door
from admit.core.principal import Principal
from admit.core.request import Request
from admit.core.requirement import SIGNED_IN, Asked, Requirement
from admit.core.return_to import Detours
from admit.errors import AdmitError, ConfigError
from admit.guards import asgi, wsgi
from admit.guards.once import Memory, told
from admit.guards.refusal import is_stranger, refused
from admit.trail import ACTING

__all__ = ["Middleware", "User", "required"]

View = Callable[..., Any]


class User:
    """Whom a request speaks for, as Django's decorators and templates know users; a stranger has no ``principal``.

    A permission is held when there is a scope of its name. Nobody is staff: Django's admin has users of its own.
    """

    is_staff = is_superuser = False

    def __init__(self, principal: Principal | None) -> None:
        self.principal = principal
        self.is_authenticated = self.is_active = principal is not None
        self.is_anonymous = principal is None
        self.pk = self.id = None if principal is None else principal.subject
        self.username = "" if principal is None else principal.subject

    def __str__(self) -> str:
        return self.username

    def __eq__(self, other: object) -> bool:
        return isinstance(other, User) and self.pk == other.pk

    def __hash__(self) -> int:
        return hash(self.pk)

    def get_username(self) -> str:
        """The id of the subject; a name, if there is one, is the application's to know."""
        return self.username

    def has_perm(self, perm: str, obj: object = None) -> bool:
        """Whether the scope ``perm`` is held; no scope is about one object."""
        return obj is None and self.principal is not None and perm in self.principal.scope

    def has_perms(self, perms: Iterable[str], obj: object = None) -> bool:
        """Whether all of these scopes are held."""
        return all(self.has_perm(perm, obj) for perm in perms)

    async def ahas_perm(self, perm: str, obj: object = None) -> bool:
        """As :meth:`has_perm`."""
        return self.has_perm(perm, obj)

    async def ahas_perms(self, perms: Iterable[str], obj: object = None) -> bool:
        """As :meth:`has_perms`."""
        return self.has_perms(perms, obj)


class Middleware:
    """Gives every request a ``principal`` and a ``user``, and answers every AdmitError that leaves a view.

    The setting ``ADMIT_DOOR`` is the door, or where to import it from; ``ADMIT_SIGN_IN`` and ``ADMIT_CONFIRM`` are the
    pages that a browser which navigates is led to, where there are such. Who presents nothing is a stranger (or whom
    a middleware before this one knows), and so is a browser whose cookie is over; any other bad credential is refused.
    Serves in threads and on an event loop. Raises ConfigError.
    """

    sync_capable = async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        found: Any = getattr(settings, "ADMIT_DOOR", None)
        if found is None:
            raise ConfigError(["Django's settings name no ADMIT_DOOR; write an Authority, or where to import it from."])
        self._door: Door = import_string(found) if isinstance(found, str) else found
        self._detours = Detours(getattr(settings, "ADMIT_SIGN_IN", None), getattr(settings, "ADMIT_CONFIRM", None))
        self._entrance = _Entrance(self._door, SIGNED_IN)
        self._get_response = get_response
        self._waits = iscoroutinefunction(get_response)  # pyright: ignore[reportDeprecated] - Python 3.11 has no other
        if self._waits:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        """One request."""
        if self._waits:
            return self._served(request)
        before = ACTING.set(ACTING.get())
        try:
            try:
                _know(request, self._entrance.admitted(request))
            except AdmitError as error:
                if not self._goes_on(request, error):
                    return self._answered(request, error)
            return _telling(request, self._get_response(request))
        finally:
            ACTING.reset(before)

    async def _served(self, request: HttpRequest) -> HttpResponseBase:
        try:
            _know(request, await self._entrance.awaited(request))
        except AdmitError as error:
            if not self._goes_on(request, error):
                return self._answered(request, error)
        return _telling(request, await self._get_response(request))

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """The answer to what a view raised, if that is an AdmitError."""
        return self._answered(request, exception) if isinstance(exception, AdmitError) else None

    def _goes_on(self, request: HttpRequest, error: AdmitError) -> bool:
        if not is_stranger(error, asked(request, self._door.origin)):
            return False
        known: Any = request
        known.principal = None
        if not hasattr(request, "user"):  # Django's own authentication may stand before this
            _introduce(request, User(None))
        return True

    def _answered(self, request: HttpRequest, error: AdmitError) -> HttpResponse:
        status, headers, body = refused(error, asked(request, self._door.origin), self._detours)
        # Not every server leaves out what HEAD has none of.
        return HttpResponse(b"" if request.method == "HEAD" else body, status=status, headers=dict(headers))


def required(door: Door, *scopes: str, **more: Unpack[Asked]) -> Callable[[View], View]:
    """A decorator: the view is called for those only who hold all of ``scopes`` and one of ``roles``.

    They signed in at most ``within`` seconds ago; ``accept`` names the credentials that count. The view finds the
    Principal as ``request.principal``. Of a class it stands on ``dispatch``, by Django's ``method_decorator``.
    Refusals are answered by the :class:`Middleware`. Raises ConfigError.
    """
    entrance = _Entrance(door, Requirement.of(*scopes, **more))

    def guarding(view: View) -> View:
        @wraps(view)
        async def awaited(*args: Any, **kwargs: Any) -> Any:
            request = _request(*args, *kwargs.values())
            _know(request, await entrance.awaited(request))
            return await view(*args, **kwargs)

        @wraps(view)
        def called(*args: Any, **kwargs: Any) -> Any:
            if _in_an_event_loop():
                return awaited(*args, **kwargs)  # `dispatch` of a class whose methods are coroutines
            request, before = _request(*args, *kwargs.values()), ACTING.set(ACTING.get())
            try:
                _know(request, entrance.admitted(request))
                return view(*args, **kwargs)
            finally:
                ACTING.reset(before)

        waits = iscoroutinefunction(view)  # pyright: ignore[reportDeprecated] - Python 3.11 has no other
        return awaited if waits else called

    return guarding


class _Entrance:
    """A door and what is asked there, for requests that came to Django by either interface."""

    def __init__(self, door: Door, requirement: Requirement) -> None:
        self._door = door
        self._by_wsgi = wsgi.Entrance(door, requirement)
        self._by_asgi = asgi.Entrance(door, requirement)

    def admitted(self, request: HttpRequest) -> Principal:
        """Whom ``request`` speaks for, found in this thread. Raises Denied, Stale, StoreError."""
        scope: asgi.Scope | None = getattr(request, "scope", None)
        if scope is None:
            known: Any = request
            return self._by_wsgi.admitted(known.environ)
        who = self._by_asgi.at_once(scope)
        return who or self._by_asgi.acting(scope, self._by_wsgi.waited(asgi.asked(scope, self._door.origin), scope))

    async def awaited(self, request: HttpRequest) -> Principal:
        """Whom ``request`` speaks for. Raises Denied, Stale, StoreError."""
        scope: asgi.Scope | None = getattr(request, "scope", None)
        if scope is None:  # a coroutine under WSGI: its event loop ends with the request, the door's does not
            return await asyncio.to_thread(self.admitted, request)
        return self._by_asgi.at_once(scope) or await self._by_asgi.admitted(scope)


def asked(request: HttpRequest, origin: str) -> Request:
    """A ``request`` of Django's to an application whose own origin is ``origin``."""
    known: Any = request
    return asgi.asked(known.scope, origin) if hasattr(request, "scope") else wsgi.asked(known.environ, origin)


def _memory(request: HttpRequest) -> Memory:
    known: Any = request
    memory: Memory = known.scope if hasattr(request, "scope") else known.environ
    return memory


def _telling(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    """``response``, with what is :func:`told` in its head."""
    for name, text in told(_memory(request)).items():
        response[name] = text
    return response


def _in_an_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _request(*given: Any) -> HttpRequest:
    """The request that a view was called with: a function's first argument, a method's second, or a named one."""
    first = given[0]
    return first if isinstance(first, HttpRequest) else next(one for one in given if isinstance(one, HttpRequest))


def _know(request: HttpRequest, who: Principal) -> None:
    known: Any = request
    known.principal = who
    user = getattr(request, "user", None)
    # What another middleware has put there may be lazy: it is not asked for more than its type.
    if type(user) is not User or user.principal is not who:
        _introduce(request, User(who))
    if who.credential != "session":
        # No page of another site can send what counts here, so Django's token would prove nothing; a program has none.
        known._dont_enforce_csrf_checks = True  # noqa: SLF001 - Django's name for it


def _introduce(request: HttpRequest, user: User) -> None:
    async def auser() -> User:
        return user

    known: Any = request
    known.user, known.auser = user, auser
