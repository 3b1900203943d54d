"""Django sites of a few views, any number in one process: Django itself thinks of one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import django
from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.test import override_settings
from django.urls import URLPattern
from django.utils.decorators import sync_and_async_middleware

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


@sync_and_async_middleware
def with_urls_of_its_own(get_response: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Gives a request the URLs of the site that it came to, in the place of those of the process."""
    urls = settings.URLS

    def served(request: Any) -> Any:
        request.urlconf = urls
        return get_response(request)

    return markcoroutinefunction(served) if iscoroutinefunction(get_response) else served


def site(handler: type[ASGIHandler | WSGIHandler], door: Door, *urls: URLPattern, **more: Any) -> Callable[..., Any]:
    """A site of these ``urls``, with the settings ``more``, behind ``door``."""
    own = f"{__name__}.{with_urls_of_its_own.__name__}"
    middleware = [own, *more.pop("MIDDLEWARE", MIDDLEWARE)]
    with override_settings(MIDDLEWARE=middleware, ADMIT_DOOR=door, URLS=urls, **more):
        made: Callable[..., Any] = handler()
    return made
