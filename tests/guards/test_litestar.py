"""The Litestar guard: on every layer, in the description, over sockets, and where the plugin was left out."""

from __future__ import annotations

from typing import Any

from litestar import Controller, Litestar, Router, WebSocket, get, websocket
from litestar.di import NamedDependency
from litestar.openapi import OpenAPIConfig
from litestar.openapi.spec import Components, SecurityScheme

from admit.core.principal import Principal
from admit.errors import NotEnough
from admit.guards.litestar import AdmitPlugin, required
from guards.applications import by_cookie, client, of_no_method, roles
from guards.sockets import opened
from worlds import World, world


def served(here: World, *handlers: Any, **settings: Any) -> Any:
    plugins = [AdmitPlugin(here.auth, sign_in="/auth/sign-in")]
    return Litestar(list(handlers), plugins=plugins, logging_config=None, **settings)


async def test_a_guard_of_every_layer_is_asked() -> None:
    async with world("memory") as here:

        class Links(Controller):
            path = "/links"
            guards = [required(here.auth, "links:read")]  # noqa: RUF012 - as Litestar's documentation writes it

            @get()
            async def read(self, principal: NamedDependency[Principal]) -> str:
                return principal.subject

            @get("/all", guards=[required(here.auth, "users:write")])
            async def everything(self) -> str:
                return "all"

        router = Router("/app", route_handlers=[Links], guards=[required(here.auth, accept="session")])
        await roles(here, "ann", ["user"])
        await roles(here, "bob", ["admin"])
        ann, bob = [by_cookie(await here.sign_in(subject)) for subject in ("ann", "bob")]
        app = served(here, router)
        async with client(app) as http:
            assert (await http.get("/app/links")).status_code == 401
            assert (await http.get("/app/links", headers=ann)).text == "ann"
            assert (await http.get("/app/links/all", headers=ann)).status_code == 403
            assert (await http.get("/app/links/all", headers=bob)).text == "all"
        described = app.openapi_schema.to_schema()["paths"]
        asked = {path: described[path]["get"]["security"] for path in described}
        assert asked == {
            "/app/links": [{"session": ["links:read"]}],
            "/app/links/all": [{"session": ["links:read", "users:write"]}],
        }


async def test_the_description_says_which_credentials_count_and_keeps_what_was_there() -> None:
    async with world("memory") as here:

        @get("/links", guards=[required(here.auth, "links:read")])
        async def links() -> str:
            return "x"

        @get("/open")
        async def free() -> str:
            return "x"

        own = Components(security_schemes={"own": SecurityScheme(type="http", scheme="basic")})
        config = OpenAPIConfig(title="Links", version="1", components=own)
        described = served(here, links, free, openapi_config=config).openapi_schema.to_schema()
        schemes = described["components"]["securitySchemes"]
        assert schemes["own"]["scheme"] == "basic"
        assert schemes["token"] == {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
        assert schemes["session"] == {"type": "apiKey", "name": "__Host-admit", "in": "cookie"}
        assert described["paths"]["/links"]["get"]["security"] == [
            {"token": ["links:read"]},
            {"session": ["links:read"]},
            {"api_key": ["links:read"]},
        ]
        assert "security" not in described["paths"]["/open"]["get"]
        assert config.components is own
        assert "session" not in str(Litestar([], logging_config=None).openapi_schema.to_schema())
        assert served(here, links, openapi_config=None).openapi_config is None


async def test_what_a_handler_raises_itself_is_answered_as_well() -> None:
    async with world("memory") as here:

        @get("/late")
        async def late() -> None:
            raise NotEnough("found out later")

        async with client(served(here, late)) as http:
            answer = await http.get("/late")
        assert (answer.status_code, answer.json()["code"]) == (403, "not_enough")
        for name, value in (("content-type", "application/problem+json"), ("content-length", str(len(answer.content)))):
            assert answer.headers.get_list(name) == [value]


async def test_an_open_socket_that_is_refused_later_is_closed() -> None:
    async with world("memory") as here:
        raised: list[Exception] = [NotEnough("found out later"), ValueError("not ours")]

        @websocket("/links", guards=[required(here.auth)])
        async def socket(socket: WebSocket[Principal, None, Any]) -> None:
            await socket.accept()
            raise raised.pop(0)

        app = served(here, socket)
        cookie = by_cookie(await here.sign_in()) | {"Origin": "https://app.example.com"}
        closed = [(await opened(of_no_method(app), cookie))[-1] for _ in range(2)]
        assert [message["type"] for message in closed] == ["websocket.close"] * 2
        assert (closed[0]["code"], closed[1]["code"]) == (1008, 4500)


async def test_a_handler_that_no_guard_stands_before_gets_no_principal() -> None:
    async with world("memory") as here:

        @get("/links")
        async def links(principal: NamedDependency[Principal]) -> str:
            raise AssertionError(principal)

        async with client(served(here, links, debug=False)) as http:
            assert (await http.get("/links", headers=by_cookie(await here.sign_in()))).status_code == 500


async def test_an_application_that_was_left_without_the_plugin_still_refuses() -> None:
    async with world("memory") as here:

        @get("/links", guards=[required(here.auth)])
        async def links() -> str:
            raise AssertionError("let in")

        async with client(Litestar([links], logging_config=None)) as http:  # type: ignore[arg-type]
            assert (await http.get("/links")).status_code == 500
