"""Spans of requests and commits, as whoever collects them gets to see them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanContext, SpanKind, StatusCode, Tracer
from starlette.types import ASGIApp, Receive, Scope, Send

from admit.core.store import Insert, Record
from admit.errors import ConfigError, Conflict, StoreUnavailable
from admit.server import log
from admit.server.load import load
from admit.server.spans import Traced, commits
from admit.stores import open_store
from admit.stores.observed import Observed
from admit.web import application
from commands import admit, environment, free_port
from doors import ANN, ISSUER, authority


class Collector:
    """Where spans end up."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.tracer: Tracer = provider.get_tracer("admit")

    @property
    def spans(self) -> Sequence[ReadableSpan]:
        return self._exporter.get_finished_spans()

    def named(self, name: str) -> ReadableSpan:
        [span] = [span for span in self.spans if span.name == name]
        return span


def place(span: ReadableSpan) -> SpanContext:
    """Its trace, and its id there."""
    found: SpanContext | None = span.context
    assert found is not None
    return found


@pytest.fixture
def collector() -> Iterator[Collector]:
    collector = Collector()
    yield collector
    log.TRACE.set("")


@asynccontextmanager
async def browser(app: ASGIApp, collector: Collector, **headers: str) -> AsyncIterator[httpx.AsyncClient]:
    way = httpx.ASGITransport(Traced(app, collector.tracer, issuer=ISSUER), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=way, base_url=ISSUER, headers=headers) as client:
        yield client


async def test_a_request_is_a_span_and_what_it_commits_are_spans_within(collector: Collector) -> None:
    auth = authority(around_commits=[commits(collector.tracer, "memory")])
    async with auth, browser(application(auth), collector) as ann:
        assert (await ann.post("/api/sign-up", json=ANN)).status_code == 201
    request = collector.named("POST /api/sign-up")
    assert (request.kind, request.status.status_code) == (SpanKind.SERVER, StatusCode.UNSET)
    assert dict(request.attributes or {}) == {
        "http.request.method": "POST",
        "http.route": "/api/sign-up",
        "http.response.status_code": 201,
        "network.protocol.version": "1.1",
        "url.scheme": "https",
        "server.address": "auth.example.com",
        "server.port": 443,
    }
    within = [span for span in collector.spans if span.parent and span.parent.span_id == place(request).span_id]
    assert [span.name for span in within] == ["commit memory"]
    assert dict(within[0].attributes or {}) == {
        "db.system.name": "memory",
        "db.operation.name": "commit",
        "admit.changes": 4,  # the account, its address, its subject, and what the audit log says of it
        "admit.topics": (),
        "admit.outcome": "done",
    }


async def test_a_commit_that_tells_names_the_topic(collector: Collector) -> None:
    auth = authority(around_commits=[commits(collector.tracer, "memory")])
    async with auth:
        started = await auth.sessions.start((await auth.subjects.before("ann")).proven("pwd"))
        await auth.revoke(started.session)
    assert (collector.spans[-1].attributes or {})["admit.topics"] == ("revocations",)


async def test_somebody_faster_is_an_outcome_and_no_answer_is_a_failure(collector: Collector, tmp_path: Path) -> None:
    store = Observed(open_store("memory://"), [commits(collector.tracer, "memory")])
    await store.open()
    record = Record("thing", "x", b"", 1)
    await store.commit(Insert(record))
    with pytest.raises(Conflict):
        await store.commit(Insert(record))
    closed = Observed(open_store(f"sqlite:///{tmp_path}/x.db"), [commits(collector.tracer, "sqlite")])
    with pytest.raises(StoreUnavailable):
        await closed.commit(Insert(record))
    done, conflict, failed = [(span.attributes or {})["admit.outcome"] for span in collector.spans]
    assert (done, conflict, failed) == ("done", "conflict", "failed")
    assert [span.status.status_code for span in collector.spans] == [
        StatusCode.UNSET,
        StatusCode.UNSET,
        StatusCode.ERROR,
    ]
    assert not any(span.events for span in collector.spans)


async def test_the_trace_that_the_sender_names_goes_on(collector: Collector) -> None:
    trace, parent = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
    auth = authority()
    async with auth, browser(application(auth), collector, traceparent=f"00-{trace}-{parent}-01") as client:
        assert (await client.get("/healthz")).status_code == 200
        assert (await client.get("/healthz", headers={"traceparent": "00-x"})).status_code == 200
    first, second = collector.spans
    assert (f"{place(first).trace_id:032x}", f"{first.parent.span_id:016x}" if first.parent else "") == (trace, parent)
    assert second.parent is None
    assert place(first).trace_id != place(second).trace_id


async def test_where_there_is_no_route_the_name_is_the_method_alone(collector: Collector) -> None:
    auth = authority()
    async with auth, browser(application(auth), collector) as client:
        assert (await client.get("/secret/hunter2")).status_code == 404
        assert (await client.request("HUNTER2", "/healthz")).status_code == 405
    assert [span.name for span in collector.spans] == ["GET", "HTTP /healthz"]
    assert "hunter2" not in "".join(span.to_json() for span in collector.spans).lower()


async def test_what_fails_is_an_error_without_the_words_of_the_exception(collector: Collector) -> None:
    async def broken(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 503, "headers": []})
        raise RuntimeError("hunter2")

    async with browser(broken, collector) as client:
        assert (await client.get("/")).status_code == 503
    [span] = collector.spans
    assert span.status.status_code is StatusCode.ERROR
    assert (span.attributes or {})["http.response.status_code"] == 503
    assert "hunter2" not in span.to_json()


async def test_a_line_of_the_log_names_the_trace(collector: Collector) -> None:
    lines: list[str] = []

    async def logs(scope: Scope, receive: Receive, send: Send) -> None:
        lines.append(log.TRACE.get())
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    async with browser(logs, collector) as client:
        await client.get("/")
    assert lines == [f"{place(collector.spans[0]).trace_id:032x}"]


def test_who_wants_no_spans_needs_nothing_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [
        "import sys",
        "from admit.server.load import load",
        "from admit.server.watchers import Watchers",
        "assert not Watchers(load(tracing=False)).around_commits",
        "assert 'admit.server.spans' not in sys.modules",
    ]
    subprocess.run([sys.executable, "-c", "\n".join(lines)], env=environment(), check=True, timeout=60)
    monkeypatch.setitem(sys.modules, "opentelemetry.trace", None)
    assert load(Path(os.devnull)).tracing is False
    with pytest.raises(ConfigError, match=r"pip install 'admit\[otel\]'"):
        load(Path(os.devnull), tracing=True)


def test_spans_that_nothing_can_send_are_an_error_at_start(tmp_path: Path) -> None:
    said = admit(tmp_path, "serve", "--port", str(free_port()), ADMIT_TRACING="true", OTEL_TRACES_EXPORTER="otlp")
    assert said.code == 2
    assert "pip install opentelemetry-exporter-otlp-proto-http" in said.err
