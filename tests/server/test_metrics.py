"""Figures on a port of their own, added up over all workers, and the lines of the log that belong to them."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client import REGISTRY
from starlette.types import Receive, Scope, Send

from admit.core.store import Insert, Record
from admit.core.tally import Tally
from admit.errors import Conflict, StoreError
from admit.server.metrics import Counted, route_of, timed
from admit.stores import open_store
from admit.stores.observed import Observed
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


async def test_a_commit_is_timed_by_what_came_of_it() -> None:
    def commits(outcome: str) -> float:
        found = REGISTRY.get_sample_value("admit_commit_seconds_count", {"store": "a test", "outcome": outcome})
        return found or 0.0

    store = Observed(open_store("memory://"), [timed("a test")])
    await store.open()
    record = Record("thing", "x", b"", 1)
    await store.commit(Insert(record))
    with pytest.raises(Conflict):
        await store.commit(Insert(record))
    with pytest.raises(StoreError):
        await Observed(open_store("sqlite:///never opened"), [timed("a test")]).commit(Insert(record))
    assert {outcome: commits(outcome) for outcome in ("done", "conflict", "failed")} == dict.fromkeys(
        ("done", "conflict", "failed"), 1
    )


async def test_what_is_judged_is_told_once_by_what_it_took() -> None:
    def told() -> dict[str, float]:
        names = {one.name.replace("_", " ") for one in fields(Tally)}
        return {name: REGISTRY.get_sample_value("admit_verifications_total", {"path": name}) or 0.0 for name in names}

    auth = authority()
    before = told()
    counted = Counted(auth)
    scope = {"method": "GET", "path": "/x"}
    auth.tally.seen_before, auth.tally.looked_up = 5, 1
    for _ in range(2):
        counted.count(scope, 200, 0.001)
    auth.tally.seen_before += 1
    counted.count(scope, 200, 0.001)
    after = told()
    assert {name: after[name] - before[name] for name in after if after[name] != before[name]} == {
        "seen before": 6,
        "looked up": 1,
    }


def test_the_figures_of_all_workers_are_added_up_and_outlive_them(tmp_path: Path) -> None:
    port = free_port()
    config = tmp_path / "settings.toml"
    config.write_text(f'metrics_port = {port}\nlog_format = "json"\n')
    with serving(tmp_path, 2, "--config", str(config)) as fleet:
        for connection in fleet.one_to_each().values():
            for _ in range(3):
                assert connection.ask("GET", "/api/me")[0] == 401
            assert connection.ask("GET", "/api/me", Cookie="admit-insecure=adm_s_wrong")[0] == 401
        wrong = {"email": "ann@example.com", "password": "wrong, but long enough"}
        assert fleet.connect().ask("POST", "/api/sign-in", wrong)[0] == 401
        assert fleet.connect().ask("GET", "/nothing?token=hunter2")[0] == 404

        def figures() -> str:
            return httpx.get(f"http://127.0.0.1:{port}/metrics").text

        me = 'admit_requests_total{method="GET",route="/api/me",status="401"}'
        # An answer is counted, and noted, after it was sent.
        expected = {
            me: 8,
            'admit_sign_ins_total{outcome="refused"}': 1,
            'admit_requests_total{method="GET",route="none",status="404"}': 1,
            'admit_verifications_total{path="refused"}': 2,
            'admit_verifications_total{path="verified"}': 0,
        }
        until(lambda: {name: value(figures(), name) for name in expected} == expected, "they are not counted")
        assert "nothing" not in figures()
        assert httpx.get(f"{fleet.base}/metrics").status_code == 404
        fleet.kill_one()
        assert value(figures(), me) == 8
        assert value(figures(), 'admit_verifications_total{path="refused"}') == 2
        # A store is begun with one commit, its keys with another.
        assert value(figures(), 'admit_commit_seconds_count{outcome="done",store="sqlite"}') >= 2
        request = httpx.get(f"{fleet.base}/api/me").headers["x-request-id"]
        until(lambda: bool(noted(fleet, request=request)), "no line of the access log bears its id")
        [line] = noted(fleet, request=request)
        assert (line["method"], line["route"], line["status"]) == ("GET", "/api/me", 401)
        until(lambda: bool(noted(fleet, status=404, route="'/nothing'")), "what is not there is not noted")
        assert "hunter2" not in fleet.log
