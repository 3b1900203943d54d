"""OpenTelemetry: a span for each request and each commit, in which stands nothing that its sender alone should know."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from importlib.metadata import entry_points, version
from typing import Any
from urllib.parse import urlsplit

from opentelemetry import propagate, trace
from opentelemetry.propagators.textmap import Getter
from opentelemetry.trace import Span, SpanKind, StatusCode, Tracer
from opentelemetry.util.types import AttributeValue
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from admit.core.store import Append, Change
from admit.errors import ConfigError, Conflict
from admit.server.log import TRACE
from admit.server.metrics import METHODS, route_of
from admit.stores.observed import Around

_SCHEMA = "https://opentelemetry.io/schemas/1.27.0"


def tracer() -> Tracer:
    """What begins our spans. Raises ConfigError where there is nothing to send them with.

    A provider that is set already stays; else the SDK makes one, as the variables ``OTEL_*`` say.
    """
    if isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider):
        trace.set_tracer_provider(_provider())
    return trace.get_tracer("admit", version("admit"), schema_url=_SCHEMA)


def _provider() -> trace.TracerProvider:
    try:
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise _nothing_to_send_with("opentelemetry-sdk opentelemetry-exporter-otlp-proto-http") from error
    resource = Resource.create()
    if str(resource.attributes["service.name"]).startswith("unknown_service"):
        resource = resource.merge(Resource({"service.name": "admit"}))
    provider = TracerProvider(resource=resource)
    for exporter in exporters():
        provider.add_span_processor(BatchSpanProcessor(exporter()))
    return provider


def exporters() -> list[Callable[[], Any]]:
    """What makes the exporters that the environment names, OTLP if none. Raises ConfigError for one that is not there."""
    names = [name.strip() for name in os.environ.get("OTEL_TRACES_EXPORTER", "otlp").split(",")]
    return [_exporter(name) for name in names if name != "none"]


def _exporter(name: str) -> Callable[[], Any]:
    if name == "otlp":
        protocol = os.environ.get("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
        protocol = os.environ.get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", protocol)
        name = f"otlp_proto_{protocol.partition('/')[0]}"
    for found in entry_points(group="opentelemetry_traces_exporter", name=name):
        exporter: Callable[[], Any] = found.load()
        return exporter
    raise _nothing_to_send_with(f"opentelemetry-exporter-{name.replace('_', '-')}")


def _nothing_to_send_with(packages: str) -> ConfigError:
    return ConfigError([f"tracing is on, and there is nothing to send spans with. Write: pip install {packages}"])


class Traced:
    """``app``, with a span around each request to ``issuer``, within the trace that the sender names.

    It tells the route and never the path: that may hold an id, a query a link's secret, a header a credential.
    """

    def __init__(self, app: ASGIApp, tracer: Tracer, *, issuer: str) -> None:
        self._app = app
        self._tracer = tracer
        parts = urlsplit(issuer)
        self._where = {
            # As it is reached, not as the proxy in front reaches us.
            "url.scheme": parts.scheme,
            "server.address": parts.hostname or "",
            "server.port": parts.port or (443 if parts.scheme == "https" else 80),
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        method: str = scope["method"] if scope["method"] in METHODS else "_OTHER"
        facts = {"http.request.method": method, "network.protocol.version": scope["http_version"], **self._where}
        status = 0

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        with self._tracer.start_as_current_span(
            method,
            context=propagate.extract(scope["headers"], getter=_HEADERS),
            kind=SpanKind.SERVER,
            attributes=facts,
            # The words of an exception are for the log.
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            context = span.get_span_context()
            TRACE.set(trace.format_trace_id(context.trace_id) if context.is_valid else "")
            try:
                await self._app(scope, receive, noted)
            except BaseException as error:
                _failed(span, type(error).__qualname__)
                raise
            finally:
                _answered(span, scope, "HTTP" if method == "_OTHER" else method, status)


def _answered(span: Span, scope: Scope, method: str, status: int) -> None:
    route = route_of(scope)
    if route != "none":
        span.set_attribute("http.route", route)
        span.update_name(f"{method} {route}")
    else:
        span.update_name(method)
    if status:
        span.set_attribute("http.response.status_code", status)
    if status >= 500:
        _failed(span, str(status))


def _failed(span: Span, why: str) -> None:
    span.set_attribute("error.type", why)
    span.set_status(StatusCode.ERROR)


def commits(tracer: Tracer, kind: str) -> Around:
    """Puts a span around each commit to a store of that kind; that somebody else was faster is no failure of it."""

    @contextmanager
    def around(changes: Sequence[Change]) -> Generator[None]:
        topics = sorted({change.topic for change in changes if isinstance(change, Append)})
        facts: dict[str, AttributeValue] = {
            "db.system.name": kind,
            "db.operation.name": "commit",
            "admit.changes": len(changes),
            "admit.topics": topics,
        }
        outcome = "done"
        with tracer.start_as_current_span(
            f"commit {kind}",
            kind=SpanKind.CLIENT,
            attributes=facts,
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                yield
            except Conflict:
                outcome = "conflict"
                raise
            except BaseException as error:
                outcome = "failed"
                _failed(span, type(error).__qualname__)
                raise
            finally:
                span.set_attribute("admit.outcome", outcome)

    return around


class _Headers(Getter[Iterable[tuple[bytes, bytes]]]):
    """Reads the headers of an ASGI scope for a propagator."""

    def get(self, carrier: Iterable[tuple[bytes, bytes]], key: str) -> list[str] | None:
        """Every value of the header ``key``."""
        wanted = key.lower().encode()
        return [value.decode("latin-1") for name, value in carrier if name == wanted] or None

    def keys(self, carrier: Iterable[tuple[bytes, bytes]]) -> list[str]:
        """The names of all of them."""
        return [name.decode("latin-1") for name, _ in carrier]


_HEADERS = _Headers()
