"""The Starlette guard: ``request.user`` as Starlette's users know it, and endpoints of every shape."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.authentication import requires
from starlette.endpoints import HTTPEndpoint
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from admit.core.throttle import Limit
from admit.guards.starlette import Authentication, User, install, required
from guards.applications import by_cookie, by_token, client, roles
from worlds import World, world


async def who(request: Request) -> PlainTextResponse:
    """Says who is there."""
    user = request.user
    return PlainTextResponse(f"{user.is_authenticated} {user.display_name} {' '.join(request.auth.scopes)}")


@requires("links:write")
async def write(request: Request) -> PlainTextResponse:
    """Starlette's own decorator."""
    return PlainTextResponse(request.user.identity)


def application(here: World) -> Starlette:
    routes = [Route("/who", who), Route("/write", write)]
    return Starlette(routes=routes, middleware=[Middleware(Authentication, door=here.auth)])


async def test_everybody_has_a_user_and_a_stranger_an_unknown_one() -> None:
    async with world("memory") as here, client(application(here)) as http:
        await roles(here, "ann", ["user"])
        started = await here.sign_in()
        assert (await http.get("/who")).text == "False  "
        known = await http.get("/who", headers=by_cookie(started))
        assert known.text == "True ann authenticated links:read links:write"


async def test_the_decorator_of_starlette_goes_by_our_scopes() -> None:
    async with world("memory") as here, client(application(here)) as http:
        for subject, role in (("ann", "user"), ("bob", "admin")):
            await roles(here, subject, [role])
        ann, bob = [by_cookie(await here.sign_in(subject)) for subject in ("ann", "bob")]
        assert (await http.get("/write")).status_code == 403
        assert (await http.get("/write", headers=bob)).status_code == 403
        assert (await http.get("/write", headers=ann)).text == "ann"


async def test_what_is_left_of_a_limit_is_told_where_nothing_is_asked_for_too() -> None:
    async with world("memory") as here, client(application(here)) as http:
        key = await here.auth.api_keys.create(await here.auth.subjects.before("ann"), "ci", limit=Limit(2, 60))
        answers = [await http.get("/who", headers=by_token(key.text)) for _ in range(2)]
        assert [answer.headers["ratelimit"][:15] for answer in answers] == ['"api-key";r=1;t', '"api-key";r=0;t']
        assert "ratelimit" not in (await http.get("/who")).headers


async def test_whoever_presents_something_bad_is_no_stranger_but_refused() -> None:
    async with world("memory") as here, client(application(here)) as http:
        assert (await http.get("/who", headers=by_token("x"))).status_code == 401
        assert (await http.get("/who", headers=by_token("x") | by_cookie(await here.sign_in()))).status_code == 401


async def test_a_browser_whose_session_is_over_is_a_stranger_and_not_locked_out_of_every_page() -> None:
    async with world("memory") as here, client(application(here)) as http:
        started = await here.sign_in()
        await here.auth.revoke(started.session)
        for cookie in (by_cookie(started), {"Cookie": "__Host-admit=x; __Host-admit=y"}):
            assert (await http.get("/who", headers=cookie)).text == "False  "


async def test_methods_and_plain_functions_are_guarded_too() -> None:
    async with world("memory") as here:
        guarded = required(here.auth)

        class Links(HTTPEndpoint):
            @guarded
            async def get(self, request: Request) -> PlainTextResponse:
                assert isinstance(request.user, User)
                return PlainTextResponse(request.user.principal.subject)

        @guarded
        def plain(request: Request) -> PlainTextResponse:
            return PlainTextResponse(request.user.identity)

        app = Starlette(routes=[Route("/method", Links), Route("/plain", plain)])
        install(app, here.auth)
        cookie = by_cookie(await here.sign_in())
        async with client(app) as http:
            for path in ("/method", "/plain"):
                assert (await http.get(path)).status_code == 401
                assert (await http.get(path, headers=cookie)).text == "ann"
