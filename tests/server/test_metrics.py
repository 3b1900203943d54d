"""Figures on a port of their own, added up over all workers, and the lines of the log that belong to them."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client import REGISTRY
from starlette.types import Receive, Scope, Send

from admit.core.address import NO_PROXIES
from admit.core.principal import Ends
from admit.core.store import Delete, Insert, Record
from admit.core.tally import PATHS
from admit.errors import Conflict, StoreError
from admit.server.metrics import Counted, route_of, timed, watch
from admit.server.seen import Seen
from admit.stores import open_store
from admit.stores.observed import Observed
from admit.testing.clock import FakeClock
from admit.web import application
from commands import free_port
from doors import ISSUER, authority
from server.fleet import Fleet, serving, until

KINDS = ("session", "cookie", "token", "api key", "key", "subject", "everything")


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


async def test_what_ends_is_counted_by_its_kind_once_it_is_committed() -> None:
    def ended() -> dict[str, float]:
        return {kind: REGISTRY.get_sample_value("admit_revocations_total", {"kind": kind}) or 0.0 for kind in KINDS}

    auth = authority(around_commits=[timed("a test")])
    Counted(auth)
    before = ended()
    session = (await auth.sessions.start((await auth.subjects.before("ann")).proven("pwd"))).session
    await auth.revoke(session)
    await auth.sessions.sign_out_everywhere("ann")
    await auth.sessions.sign_out_everywhere("bob")
    await auth.restore()
    with pytest.raises(Conflict):
        await auth._ledger.commit(Delete("session", session.id, 1), auth._ledger.ended(Ends.SESSION, session.id))
    after = ended()
    assert {kind: after[kind] - before[kind] for kind in KINDS if after[kind] != before[kind]} == {
        "session": 1, "subject": 2, "everything": 1,
    }  # fmt: skip
    await auth.close()


async def test_who_follows_the_log_is_told_by_the_name_of_the_key_and_so_is_what_each_was_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def told() -> dict[str, float]:
        kinds = ("news", "nothing", "begin anew")
        return {kind: REGISTRY.get_sample_value("admit_log_answers_total", {"told": kind}) or 0.0 for kind in kinds}

    async def gauges() -> tuple[float | None, float | None]:
        for _ in range(3):
            await asyncio.sleep(0)
        following = REGISTRY.get_sample_value("admit_verifiers", {"verifier": "metered"})
        return following, REGISTRY.get_sample_value("admit_log_lag_seconds")

    monkeypatch.setattr("admit.server.metrics.LOOK_EVERY", 0.0)
    clock = FakeClock()
    auth = authority(clock=clock)
    watching = asyncio.create_task(watch(auth))
    app = Seen(application(auth), proxies=NO_PROXIES, count=Counted(auth).count)
    before = told()
    header = {"Authorization": f"Bearer {await auth.verifiers.create('metered', ISSUER)}"}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=ISSUER, headers=header) as client:
        for follower in ("one", "two"):
            place = ""
            for _ in range(2):
                query = {"follower": follower} | ({"after": place} if place else {})
                place = json.loads((await client.get("/revocations", params=query)).content.splitlines()[-1])["cursor"]
        assert await gauges() == (2, 0.0)
        clock.advance(0.5)
        assert await gauges() == (2, 0.5)
        assert (await client.get("/revocations?after=elsewhere")).status_code == 410
    after = told()
    assert {kind: after[kind] - before[kind] for kind in after} == {"news": 2, "nothing": 2, "begin anew": 1}
    clock.advance(60)
    assert await gauges() == (0, 0.0)
    watching.cancel()
    await auth.close()


async def test_what_is_judged_is_told_once_by_its_kind_and_by_what_it_took() -> None:
    def told() -> dict[tuple[str, str], float]:
        cells = [(kind, path.replace("_", " ")) for kind in auth.tallies for path in PATHS]
        samples = [
            REGISTRY.get_sample_value("admit_verifications_total", {"credential": kind, "path": path})
            for kind, path in cells
        ]
        return {cell: sample or 0.0 for cell, sample in zip(cells, samples, strict=True)}

    auth = authority()
    before = told()
    counted = Counted(auth)
    scope = {"method": "GET", "path": "/x"}
    auth.tallies["session"].seen_before, auth.tallies["api_key"].looked_up = 5, 1
    for _ in range(2):
        counted.count(scope, 200, 0.001)
    auth.tallies["session"].seen_before += 1
    auth.tallies["token"].not_accepted += 1
    counted.count(scope, 200, 0.001)
    after = told()
    assert {name: after[name] - before[name] for name in after if after[name] != before[name]} == {
        ("session", "seen before"): 6,
        ("api_key", "looked up"): 1,
        ("token", "not accepted"): 1,
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
            'admit_verifications_total{credential="session",path="refused"}': 2,
            'admit_verifications_total{credential="token",path="verified"}': 0,
        }
        until(lambda: {name: value(figures(), name) for name in expected} == expected, "they are not counted")
        assert "/nothing" not in figures()
        assert httpx.get(f"{fleet.base}/metrics").status_code == 404
        fleet.kill_one()
        assert value(figures(), me) == 8
        assert value(figures(), 'admit_verifications_total{credential="session",path="refused"}') == 2
        # A store is begun with one commit, its keys with another.
        assert value(figures(), 'admit_commit_seconds_count{outcome="done",store="sqlite"}') >= 2
        request = httpx.get(f"{fleet.base}/api/me").headers["x-request-id"]
        until(lambda: bool(noted(fleet, request=request)), "no line of the access log bears its id")
        [line] = noted(fleet, request=request)
        assert (line["method"], line["route"], line["status"]) == ("GET", "/api/me", 401)
        until(lambda: bool(noted(fleet, status=404, route="'/nothing'")), "what is not there is not noted")
        assert "hunter2" not in fleet.log
