"""Figures on a port of their own, added up over all workers, and the lines of the log that belong to them."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from admit.server.metrics import route_of
from admit.web import application
from commands import free_port
from doors import authority
from server.fleet import Fleet, serving, until


def value(figures: str, name: str) -> float:
    return sum(float(found) for found in re.findall(rf"^{re.escape(name)}[^\n]* (\S+)$", figures, re.MULTILINE))


def noted(fleet: Fleet, **facts: object) -> list[dict[str, Any]]:
    """The lines of the access log that hold ``facts``."""
    access = [record for record in fleet.records() if record["logger"] == "admit.access"]
    return [record for record in access if facts.items() <= record.items()]


@pytest.mark.parametrize("id", ["qP7-9dYxaZaTO9pr3Ny096", "sessions", "api", "auth", "{id}"])
async def test_a_route_is_its_template_whatever_stands_in_the_path(id: str) -> None:
    app = application(authority(issuer="https://auth.example.com/auth"), at="/auth")
    scope: Scope = {}

    async def kept(asked: Scope, receive: Receive, send: Send) -> None:
        scope.update(asked)
        await app(scope, receive, send)

    async with httpx.AsyncClient(transport=httpx.ASGITransport(kept), base_url="https://auth.example.com") as client:
        assert (await client.delete(f"/auth/api/sessions/{id}")).status_code == 401
        assert route_of(scope) == "/auth/api/sessions/{id}"
        assert (await client.delete(f"/auth/{id}/{id}")).status_code == 404
        assert route_of({**scope, "route": None}) == "none"


def test_the_figures_of_all_workers_are_added_up_and_outlive_them(tmp_path: Path) -> None:
    port = free_port()
    config = tmp_path / "settings.toml"
    config.write_text(f'metrics_port = {port}\nlog_format = "json"\n')
    with serving(tmp_path, 2, "--config", str(config)) as fleet:
        for connection in fleet.one_to_each().values():
            for _ in range(3):
                assert connection.ask("GET", "/api/me")[0] == 401
        wrong = {"email": "ann@example.com", "password": "wrong, but long enough"}
        assert fleet.connect().ask("POST", "/api/sign-in", wrong)[0] == 401
        assert fleet.connect().ask("GET", "/nothing?token=hunter2")[0] == 404

        def figures() -> str:
            return httpx.get(f"http://127.0.0.1:{port}/metrics").text

        me = 'admit_requests_total{method="GET",route="/api/me",status="401"}'
        # An answer is counted, and noted, after it was sent.
        expected = {
            me: 6,
            'admit_sign_ins_total{outcome="refused"}': 1,
            'admit_requests_total{method="GET",route="none",status="404"}': 1,
        }
        until(lambda: {name: value(figures(), name) for name in expected} == expected, "they are not counted")
        assert "nothing" not in figures()
        assert httpx.get(f"{fleet.base}/metrics").status_code == 404
        before = fleet.workers()
        os.kill(min(before), signal.SIGKILL)
        until(lambda: len(fleet.workers()) == 2 and fleet.workers() != before, "nobody took its place")
        assert value(figures(), me) == 6
        request = httpx.get(f"{fleet.base}/api/me").headers["x-request-id"]
        until(lambda: bool(noted(fleet, request=request)), "no line of the access log bears its id")
        [line] = noted(fleet, request=request)
        assert (line["method"], line["route"], line["status"]) == ("GET", "/api/me", 401)
        until(lambda: bool(noted(fleet, status=404, route="'/nothing'")), "what is not there is not noted")
        assert "hunter2" not in fleet.log
