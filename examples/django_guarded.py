"""A Django site behind Admit in one file: ``request.user`` everywhere, one view by scope, one by a fresh sign-in.

Start it with `uvicorn examples.django_guarded:app`, then sign up and in under /auth.
"""

from __future__ import annotations

import os
from typing import Any

from django.conf import settings
from django.core.asgi import get_asgi_application
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from django.views.decorators.http import require_http_methods
from starlette.applications import Starlette
from starlette.routing import Mount

from admit import Authority
from admit.guards.django import required
from admit.web import application

auth = Authority(
    os.environ.get("STORE", "sqlite:///links.db"),
    issuer=os.environ.get("ISSUER", "http://127.0.0.1:8000/auth"),
    scopes={"user": "links:read links:write"},
)
if not settings.configured:  # what a project has in its settings.py
    settings.configure(
        ADMIT_DOOR=auth,
        ADMIT_SIGN_IN="/auth/sign-in",
        ADMIT_CONFIRM="/auth/confirm",
        ALLOWED_HOSTS=["127.0.0.1", "localhost", "app.example.com"],
        MIDDLEWARE=["admit.guards.django.Middleware"],
        ROOT_URLCONF=__name__,
        SECRET_KEY=os.environ.get("DJANGO_SECRET_KEY", os.urandom(32).hex()),
    )


def front(request: HttpRequest) -> HttpResponse:
    """Everybody, and a link to the sign-in for strangers."""
    user: Any = request.user
    return HttpResponse(f"hello {user}" if user.is_authenticated else '<a href="/auth/sign-in">Sign in</a>')


@required(auth, "links:read")
async def links(request: Any) -> JsonResponse:
    """Who holds the scope."""
    return JsonResponse({"links of": request.principal.subject})


@require_http_methods(["POST"])
@required(auth, within=300, accept="session")
def remove_all(request: Any) -> JsonResponse:
    """Who signed in within five minutes, in a browser."""
    return JsonResponse({"removed by": request.principal.subject})


urlpatterns = [path("", front), path("links", links), path("links/remove", remove_all)]
site: Any = get_asgi_application()  # Django's types and Starlette's say the same in different words
app = Starlette(routes=[Mount("/auth", application(auth)), Mount("", site)])
