"""The FastAPI guard: what it asks stands in the description of the application, and is true."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, FastAPI, Security
from fastapi.security import APIKeyHeader

from admit.core.principal import Principal
from admit.guards.fastapi import install, required
from worlds import World, world


def described(here: World) -> dict[str, Any]:
    app = FastAPI()
    router = APIRouter(prefix="/deep")

    by_cookie: Any = Depends(required(here.auth, accept="session"))

    @app.get("/open")
    async def open() -> None: ...

    @app.get("/either", dependencies=[Depends(required(here.auth, "links:write", "links:read"))])
    async def either() -> None: ...

    @router.get("/token", dependencies=[Depends(required(here.auth, accept="token"))])
    async def token() -> None: ...

    @app.get("/also", dependencies=[Security(APIKeyHeader(name="x-key", scheme_name="key"))])
    async def also(who: Principal = by_cookie) -> None: ...

    app.include_router(router)
    install(app, here.auth)
    assert app.openapi() is app.openapi()
    return app.openapi()


async def test_the_description_names_the_credentials_and_what_they_have_to_allow() -> None:
    async with world("memory") as here:
        description = described(here)
    paths = description["paths"]
    assert "security" not in paths["/open"]["get"]
    scope = ["links:read", "links:write"]
    assert paths["/either"]["get"]["security"] == [{"token": scope}, {"session": scope}, {"api_key": scope}]
    assert paths["/deep/token"]["get"]["security"] == [{"token": []}]
    assert sorted(map(str, paths["/also"]["get"]["security"])) == ["{'key': []}", "{'session': []}"]
    assert description["components"]["securitySchemes"] == {
        "api_key": {"type": "http", "scheme": "bearer", "bearerFormat": "adm_k_…"},
        "token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
        "session": {"type": "apiKey", "in": "cookie", "name": "__Host-admit"},
        "key": {"type": "apiKey", "in": "header", "name": "x-key"},
    }


async def test_the_description_says_how_a_guarded_route_refuses() -> None:
    async with world("memory") as here:
        description = described(here)
    refused = description["paths"]["/either"]["get"]["responses"]
    assert refused.keys() == {"200", "401", "403", "503"}
    [(media_type, content)] = refused["401"]["content"].items()
    assert media_type == "application/problem+json"
    name = content["schema"]["$ref"].rpartition("/")[2]
    assert "code" in description["components"]["schemas"][name]["properties"]
    assert description["paths"]["/open"]["get"]["responses"].keys() == {"200"}


def test_an_application_without_guarded_routes_is_described_as_it_is() -> None:
    bare, installed = FastAPI(), FastAPI()
    install(installed, world_free_door())
    assert installed.openapi() == bare.openapi()


def world_free_door() -> Any:
    """A door that is not looked at."""
    return None
