"""Whoever reads the spans of a company, which go to other companies, finds ids, links, cookies or addresses there (OPS-01).

A span tells the route and never the path, no query, no header and no address of anybody; and FastAPI, which would put path
and query of each request into a span of its own as soon as a process can send any, is told not to.
"""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from doors import ANN
from server.fleet import serving

MARK = "hunter2"


def test_no_span_of_a_server_tells_what_its_sender_alone_should_know(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The SDK writes each span to standard output.
    for name, value in (("OTEL_TRACES_EXPORTER", "console"), ("OTEL_BSP_SCHEDULE_DELAY", "50")):
        monkeypatch.setenv(name, value)
    (tmp_path / "admit.toml").write_text("tracing = true\n")
    with serving(tmp_path, 2) as fleet, httpx.Client(base_url=fleet.base) as ann:
        ann.headers["Baggage"] = f"x={MARK}"
        ann.headers["User-Agent"] = MARK
        assert ann.post(f"/api/sign-up?token={MARK}", json=ANN).status_code == 201
        signed_in = ann.post("/api/sign-in", json=ANN)
        session = signed_in.json()["session"]
        cookie = signed_in.headers["set-cookie"].partition("=")[2].partition(";")[0]
        tokens = ann.post("/api/tokens", json=ANN).json()
        bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
        assert ann.get("/api/me", params={"code": MARK}, headers=bearer).status_code == 200
        assert ann.get("/sign-in", params={"return_to": f"/{MARK}"}).status_code in {200, 303}
        assert ann.delete(f"/api/sessions/{session}", headers=bearer).status_code == 204
    # Whoever stops sends what is left.
    told = fleet.log
    assert told.count('"kind": "SpanKind.SERVER"') == 6
    assert '"name": "DELETE /api/sessions/{id}"' in told
    assert '"name": "commit sqlite"' in told
    for secret in (MARK, session, cookie, tokens["access_token"], tokens["refresh_token"], *ANN.values()):
        assert secret, "there is nothing to look for"
        assert secret not in told
