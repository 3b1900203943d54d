"""Django sites of a few views, any number in one process: Django itself thinks of one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import django
from django.conf import settings
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.test import override_settings
from django.urls import URLPattern

from admit.core.door import Door

MIDDLEWARE = ["admit.guards.django.Middleware"]

if not settings.configured:
    settings.configure(
        ALLOWED_HOSTS=["app.example.com"],
        CSRF_TRUSTED_ORIGINS=["https://app.example.com"],  # where TLS ends before Django does, as here
        INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth"],  # for the decorators of the latter
        LOGGING_CONFIG=None,
        ROOT_URLCONF=(),
        SECRET_KEY="a secret of the tests",
        TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "OPTIONS": {}}],
    )
    django.setup()


def site(handler: type[ASGIHandler | WSGIHandler], door: Door, *urls: URLPattern, **more: Any) -> Callable[..., Any]:
    """A site of these ``urls``, with the settings ``more``, behind ``door``."""

    class Site(handler):  # type: ignore[valid-type, misc]  # what stands behind either interface
        """Takes its own addresses for those of the process."""

        def create_request(self, *given: Any) -> Any:
            made = super().create_request(*given)
            made[0].urlconf = urls
            return made

        def get_response(self, request: Any) -> Any:
            request.urlconf = urls
            return super().get_response(request)

    with override_settings(**{"MIDDLEWARE": MIDDLEWARE, "ADMIT_DOOR": door, **more}):
        made: Callable[..., Any] = Site()
    return made
