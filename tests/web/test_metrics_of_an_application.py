"""What OpenTelemetry is told of an application with Admit below it: how many and how long, and nobody's name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import opentelemetry.metrics
import pytest
from fastapi import Depends, FastAPI
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from admit import Authority
from admit.core.tally import PATHS
from admit.figures import AuthorityFigures
from admit.guards.fastapi import install, required
from admit.web import application
from doors import ANN, authority

ORIGIN = "https://auth.example.com"
SECRET = "named-by-nobody"

# Of each label, all that it can hold here, whoever asks for what.
LABELS: dict[str, set[object]] = {
    "url.scheme": {"https"},
    "network.protocol.version": {"1.1"},
    "http.request.method": {"GET", "POST", "DELETE", "_OTHER"},
    "http.response.status_code": {200, 201, 401, 404, 405},
    "http.route": {"/links/{id}", "/auth/{path}", "/auth/api/sessions/{id}", "/auth/account", "/auth/api/me"},
}


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemoryMetricReader]:
    found = InMemoryMetricReader()
    provider = MeterProvider([found])
    monkeypatch.setattr(opentelemetry.metrics, "get_meter_provider", lambda: provider)
    yield found
    provider.shutdown()


def told(reader: InMemoryMetricReader) -> list[tuple[str, str, dict[str, Any]]]:
    """Name, unit and labels of each series."""
    data = reader.get_metrics_data()
    return [] if data is None else [
        (metric.name, metric.unit or "", dict(point.attributes or {}))
        for resource in data.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
        for point in metric.data.data_points
    ]  # fmt: skip


async def asked(app: FastAPI, auth: Authority) -> set[str]:
    """Ask for all sorts of things by all sorts of credentials; the subjects and sessions that came in by it."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=ORIGIN) as client:
        assert (await client.post("/auth/api/sign-up", json=ANN)).status_code == 201
        tokens = (await client.post("/auth/api/tokens", json=ANN)).json()
        signed_in = (await client.post("/auth/api/sign-in", json=ANN)).json()
        key = await auth.api_keys.create(await auth.subjects.before(signed_in["subject"]), "backup")
        for sent in (
            {},
            {"Authorization": f"Bearer {tokens['access_token']}"},
            {"X-API-Key": key.text},
            {"X-API-Key": "x"},
        ):
            for path in (f"/links/{SECRET}", "/auth/api/me", "/auth/account", f"/auth/{SECRET}", f"/{SECRET}?{SECRET}"):
                await client.get(path, headers=sent)
        await client.delete(f"/auth/api/sessions/{signed_in['session']}x")
        await client.request("ODD", "/auth/api/me")
    return {signed_in["subject"], signed_in["session"], key.key.id}


async def test_no_label_is_of_those_who_ask_and_units_are_those_of_the_conventions(
    reader: InMemoryMetricReader,
) -> None:
    auth = authority(issuer=f"{ORIGIN}/auth")
    app = FastAPI()
    app.mount("/auth", application(auth))
    install(app, auth)

    @app.get("/links/{id}", dependencies=[Depends(required(auth))])
    async def links(id: str) -> str:
        return id

    names = await asked(app, auth)
    series = told(reader)
    assert {(name, unit) for name, unit, _ in series} == {
        ("http.server.request.duration", "s"),
        ("http.server.active_requests", "{request}"),
    }
    for _, _, labels in series:
        assert labels.keys() <= LABELS.keys()
        assert not {label: value for label, value in labels.items() if value not in LABELS[label]}
    # Admit's own, for Prometheus: kinds and ways of which there is a list.
    figures = [sample for metric in AuthorityFigures(auth).collect() for sample in metric.samples]
    assert {sample.name for sample in figures} == {"admit_verifications_total"}
    assert {sample.labels["credential"] for sample in figures} == set(auth.tallies)
    assert {sample.labels["path"] for sample in figures} == {path.replace("_", " ") for path in PATHS}
    assert sum(sample.value for sample in figures) > 0
    everything = repr((series, figures))
    assert not [name for name in (*names, SECRET) if name in everything]
    await auth.close()


async def test_an_application_of_admit_alone_tells_opentelemetry_nothing(reader: InMemoryMetricReader) -> None:
    auth = authority(issuer=f"{ORIGIN}/auth")
    await asked(application(auth, at="/auth"), auth)
    assert told(reader) == []
    await auth.close()
