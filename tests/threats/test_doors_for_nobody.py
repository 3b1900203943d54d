"""TRACE, API documentation, figures and listings tell a stranger what he needs to know (OPS-07)."""

from __future__ import annotations

import pytest

from doors import ROUTES, door


@pytest.mark.parametrize("path", sorted({path for _, path, _, _ in ROUTES}))
async def test_no_route_answers_trace(path: str) -> None:
    async with door() as here:
        answer = await here.browser().request("TRACE", path, headers={"X-Secret": "echo"})
        assert answer.status_code == 405
        assert "TRACE" not in answer.headers["allow"]
        assert "echo" not in answer.text


@pytest.mark.parametrize(
    "path",
    [
        "/docs",
        "/redoc",
        "/openapi.json",
        "/api",
        "/api/",
        "/metrics",
        "/.well-known/",
        "/.git/config",
        "/debug",
        "/.env",
    ],
)
async def test_what_is_for_developers_and_operators_is_not_served(path: str) -> None:
    async with door() as here:
        assert (await here.browser().get(path)).status_code == 404
