"""The Django guard: ``request.user`` as Django's own decorators and templates know it, views of every shape, its CSRF check."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.decorators import login_required, permission_required
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest, HttpResponse
from django.template import engines
from django.test import override_settings
from django.urls import path
from django.utils.decorators import method_decorator
from django.views import View

from admit.core.throttle import Limit
from admit.errors import ConfigError, NotEnough
from admit.guards.django import Middleware, User, required
from guards.applications import by_cookie, by_token, client, roles
from guards.djangos import MIDDLEWARE, site
from guards.threads import in_a_thread
from worlds import ORIGIN, World, world

GREETING = "{{ user.is_authenticated }} {{ user }} {{ user.username }}"


def who(request: HttpRequest) -> HttpResponse:
    """Says who is there, by a template."""
    return HttpResponse(engines["django"].from_string(GREETING).render({"user": request.user}))


async def waiting(request: HttpRequest) -> HttpResponse:
    """The same, by a coroutine."""
    return who(request)


both = pytest.mark.parametrize("handler", [ASGIHandler, WSGIHandler])


def served(handler: Any, here: World, *urls: Any, **more: Any) -> Any:
    made = site(handler, here.auth, *urls, **more)
    return in_a_thread(made) if handler is WSGIHandler else made


@both
@pytest.mark.parametrize("view", [who, waiting])
async def test_everybody_has_a_user_and_a_stranger_an_unknown_one(handler: Any, view: Any) -> None:
    async with world("memory") as here, client(served(handler, here, path("who", view))) as http:
        started = await here.sign_in()
        assert (await http.get("/who")).text == "False  "
        assert (await http.get("/who", headers=by_cookie(started))).text == "True ann ann"
        await here.auth.revoke(started.session)
        # A browser cannot help sending the cookie, and has to get to the page where one signs in.
        for cookie in (by_cookie(started), {"Cookie": "__Host-admit=x; __Host-admit=y"}):
            assert (await http.get("/who", headers=cookie)).text == "False  "
        assert (await http.get("/who", headers=by_token("x"))).status_code == 401
        assert (await http.get("/who", headers=by_token("x") | by_cookie(await here.sign_in()))).status_code == 401


@both
async def test_the_decorators_of_django_go_by_our_scopes(handler: Any) -> None:
    async def write(request: HttpRequest) -> HttpResponse:
        return HttpResponse((await request.auser()).get_username())

    urls = [
        path("mine", login_required(who, login_url="/auth/sign-in")),
        path("write", permission_required("links:write", raise_exception=True)(who)),
        path("waiting", permission_required("links:write", raise_exception=True)(write)),
    ]
    async with world("memory") as here, client(served(handler, here, *urls)) as http:
        for subject, role in (("ann", "user"), ("bob", "admin")):
            await roles(here, subject, [role])
        ann, bob = [by_cookie(await here.sign_in(subject)) for subject in ("ann", "bob")]
        assert (await http.get("/mine")).headers["location"] == "/auth/sign-in?next=/mine"
        assert (await http.get("/mine", headers=ann)).text == "True ann ann"
        for place, found in (("write", "True ann ann"), ("waiting", "ann")):
            answers = [await http.get(f"/{place}", headers=headers) for headers in ({}, bob, ann)]
            assert [answer.status_code for answer in answers] == [403, 403, 200]
            assert answers[2].text == found


async def test_a_scope_is_about_no_single_object_and_makes_nobody_staff() -> None:
    async with world("memory") as here:
        await roles(here, "ann", ["user"])
        ann = User(await here.by_cookie(await here.sign_in()))
        again = User(await here.by_cookie(await here.sign_in()))
        assert ann.has_perm("links:write")
        assert await ann.ahas_perms(["links:write", "links:read"])
        assert not ann.has_perms(["links:write", "users:write"])
        assert not ann.has_perm("links:write", object())
        assert not await User(None).ahas_perm("links:write")
        assert (ann.is_staff, ann.is_superuser, ann.is_active, ann.is_anonymous) == (False, False, True, False)
        assert len({ann, again}) == 1
        assert ann == again != User(None)
        assert ann != "ann"


@both
async def test_classes_are_guarded_by_their_dispatch(handler: Any) -> None:
    async with world("memory") as here:
        guarded = method_decorator(required(here.auth, "links:read"), name="dispatch")

        @guarded
        class Links(View):
            def get(self, request: Any) -> HttpResponse:
                return HttpResponse(request.principal.subject)

        @guarded
        class Waiting(View):
            async def get(self, request: Any) -> HttpResponse:
                return HttpResponse(request.principal.subject)

        urls = [path("plain", Links.as_view()), path("waiting", Waiting.as_view())]
        await roles(here, "ann", ["user"])
        cookie = by_cookie(await here.sign_in())
        async with client(served(handler, here, *urls)) as http:
            for place in ("/plain", "/waiting"):
                assert (await http.get(place)).status_code == 401
                assert (await http.get(place, headers=cookie)).text == "ann"


@both
async def test_what_a_view_raises_itself_is_answered_as_well(handler: Any) -> None:
    def late(_: HttpRequest) -> HttpResponse:
        raise NotEnough("found out later")

    async def waiting(request: HttpRequest) -> HttpResponse:
        return late(request)

    urls = [path("late", late), path("waiting", waiting)]
    async with world("memory") as here, client(served(handler, here, *urls)) as http:
        for place in ("/late", "/waiting"):
            answer = await http.get(place)
            assert (answer.status_code, answer.json()["code"]) == (403, "not_enough")
            assert answer.headers["content-type"] == "application/problem+json"
            assert (await http.head(place)).content == b""


@both
async def test_the_token_of_django_is_asked_for_where_the_cookie_counts_and_nowhere_else(handler: Any) -> None:
    async with world("memory") as here:

        @required(here.auth)
        def change(request: HttpRequest) -> HttpResponse:
            return HttpResponse("changed")

        middleware = [*MIDDLEWARE, "django.middleware.csrf.CsrfViewMiddleware"]
        for order in (middleware, middleware[::-1]):
            app = served(handler, here, path("change", change), MIDDLEWARE=order)
            async with client(app) as http:
                started = await here.sign_in()
                cookie, token = by_cookie(started), by_token(await here.auth.tokens.access(started.session))
                assert (await http.post("/change", headers=token)).text == "changed"
                assert (await http.post("/change", headers=token | cookie)).text == "changed"
                assert (await http.post("/change", headers=cookie)).status_code == 403
                csrf = "c" * 32
                ours = cookie | {"X-CSRFToken": csrf, "Origin": ORIGIN, "Host": "app.example.com"}
                ours["Cookie"] += f"; csrftoken={csrf}"
                assert (await http.post("/change", headers=ours)).text == "changed"
                assert (await http.post("/change", headers=ours | {"Origin": "https://evil.test"})).status_code == 403


@both
@pytest.mark.parametrize("waits", [False, True])
async def test_the_middleware_and_a_view_behind_it_use_a_key_once(handler: Any, waits: bool) -> None:
    async with world("memory") as here:

        async def coroutine(request: HttpRequest) -> HttpResponse:
            return who(request)

        view = required(here.auth)(required(here.auth, accept="api_key")(coroutine if waits else who))
        key = await here.auth.api_keys.create(await here.auth.subjects.before("ann"), "ci", limit=Limit(3, 60))
        async with client(served(handler, here, path("who", view))) as http:
            found = [(await http.get("/who", headers=by_token(key.text))).status_code for _ in range(4)]
            assert found == [200, 200, 200, 429]
            # What counts for the middleware need not count for the view.
            assert (await http.get("/who", headers=by_cookie(await here.sign_in()))).status_code == 401


@both
async def test_a_view_that_was_left_without_the_middleware_still_refuses(handler: Any) -> None:
    async with world("memory") as here:
        view = path("links", required(here.auth)(who))
        async with client(served(handler, here, view, MIDDLEWARE=[])) as http:
            assert (await http.get("/links")).status_code == 500
            assert (await http.get("/links", headers=by_cookie(await here.sign_in()))).text == "True ann ann"


async def test_whom_django_itself_signed_in_stays_who_they_are() -> None:
    async with world("memory") as here:
        app = site(ASGIHandler, here.auth, path("who", who), MIDDLEWARE=["guards.test_django.before", *MIDDLEWARE])
        async with client(app) as http:
            assert (await http.get("/who")).text == " somebody else "
            assert (await http.get("/who", headers=by_cookie(await here.sign_in()))).text == "True ann ann"


def before(get_response: Any) -> Any:
    """Middleware that stands for Django's own authentication."""

    def served(request: Any) -> Any:
        request.user = "somebody else"
        return get_response(request)

    return served


async def test_the_door_is_found_by_its_name_and_missed_aloud() -> None:
    async with world("memory") as here:
        global named  # noqa: PLW0603 - what a settings file would name
        named = here.auth
        with override_settings(MIDDLEWARE=MIDDLEWARE, ADMIT_DOOR=f"{__name__}.named"):
            assert (await client(site(ASGIHandler, here.auth, path("who", who))).get("/who")).text == "False  "
        for settings, fault in (({"ADMIT_DOOR": None}, "ADMIT_DOOR"), ({"ADMIT_SIGN_IN": "x"}, "no path")):
            with override_settings(**({"ADMIT_DOOR": here.auth} | settings)), pytest.raises(ConfigError, match=fault):
                Middleware(lambda _: None)


named: Any = None
