"""Django sites of one view in one process: unguarded, behind Admit, and as Django's own users guard theirs."""

# pyright: reportMissingImports=false, reportUntypedBaseClass=false
from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import django
from django.conf import settings
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.core.management import call_command
from django.http import HttpRequest, JsonResponse
from django.test import Client, override_settings
from django.urls import path

from admit import Authority
from admit.guards.django import required

Headers = list[tuple[bytes, bytes]]
MIDDLEWARE = ["admit.guards.django.Middleware"]
OF_DJANGO = [f"django.contrib.{name}" for name in ("sessions.middleware.SessionMiddleware", "auth.middleware.AuthenticationMiddleware")]  # fmt: skip


def configure(folder: Path) -> None:
    """Settings for all of the sites, and a database for those who ask one for every request."""
    settings.configure(
        ALLOWED_HOSTS=["*"],
        DATABASES={
            # One connection, kept: otherwise each request would open its own.
            "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": folder / "django.db", "CONN_MAX_AGE": None}
        },
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "django.contrib.sessions"],
        LOGGING_CONFIG=None,
        ROOT_URLCONF=(),
        SECRET_KEY="a secret of thirty-two bytes, and more",
        USE_TZ=True,
    )
    django.setup()


def links(_: HttpRequest) -> JsonResponse:
    """The view, which says how long its answer is: who asks has to see its end."""
    return JsonResponse({"links of": "user"}, headers={"Content-Length": "20"})


async def waiting(request: HttpRequest) -> JsonResponse:
    """The view, as a coroutine."""
    return links(request)


def in_threads(auth: Authority | None) -> Any:
    """The view behind WSGI."""
    return _site(WSGIHandler, required(auth)(links) if auth else links, auth)


def on_a_loop(auth: Authority | None) -> Any:
    """The view, as a coroutine, behind ASGI."""
    return _site(ASGIHandler, required(auth)(waiting) if auth else waiting, auth)


def with_sessions(people: int) -> tuple[Any, list[Headers]]:
    """Django's own sessions and users in the database, and who presents a session: two queries a request."""
    from django.contrib.auth.decorators import login_required
    from django.contrib.auth.models import User

    call_command("migrate", verbosity=0)
    cookies = list[Headers]()
    for place in range(people):
        browser = Client()
        browser.force_login(User.objects.create(username=f"user-{place}"))
        cookies.append([(b"cookie", f"sessionid={browser.cookies['sessionid'].value}".encode())])
    return _site(WSGIHandler, login_required(links), None, OF_DJANGO), cookies


def with_simplejwt(people: int) -> tuple[Any, Any, list[Headers]] | None:
    """A view of Django REST framework unguarded, the same behind simplejwt, and who presents a token; if installed."""
    if importlib.util.find_spec("rest_framework_simplejwt") is None:
        return None
    from rest_framework.permissions import IsAuthenticated
    from rest_framework.response import Response
    from rest_framework.views import APIView
    from rest_framework_simplejwt.authentication import JWTStatelessUserAuthentication
    from rest_framework_simplejwt.tokens import AccessToken

    class Open(APIView):  # type: ignore[misc]  # not installed where types are checked
        """The view."""

        authentication_classes: list[Any] = []  # noqa: RUF012 - as its documentation writes it
        permission_classes: list[Any] = []  # noqa: RUF012

        def get(self, _: Any) -> Any:
            """The answer."""
            return Response({"links of": "user"})

    class Guarded(Open):
        """The view, guarded without a query."""

        authentication_classes = [JWTStatelessUserAuthentication]  # noqa: RUF012
        permission_classes = [IsAuthenticated]  # noqa: RUF012

    tokens = list[Headers]()
    for place in range(people):
        token = AccessToken()
        token["user_id"] = f"user-{place}"
        tokens.append([(b"authorization", f"Bearer {token}".encode())])
    return _site(WSGIHandler, Open.as_view(), None), _site(WSGIHandler, Guarded.as_view(), None), tokens


def _site(handler: Any, view: Callable[..., Any], door: Authority | None, middleware: list[str] | None = None) -> Any:
    urls = (path("links", view),)

    class Site(handler):  # type: ignore[misc]  # what stands behind either interface
        """Takes its own addresses for those of the process."""

        def create_request(self, *given: Any) -> Any:
            made = super().create_request(*given)
            made[0].urlconf = urls
            return made

        def get_response(self, request: Any) -> Any:
            request.urlconf = urls
            return super().get_response(request)

    with override_settings(MIDDLEWARE=middleware or (MIDDLEWARE if door else []), ADMIT_DOOR=door):
        return Site()
