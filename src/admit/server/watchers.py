"""Who watches a server at work, as its settings say: the log always, figures and spans where somebody asks for them."""

from __future__ import annotations

from starlette.types import ASGIApp

from admit.authority import Authority
from admit.server import metrics
from admit.server.drain import Drain
from admit.server.seen import Seen
from admit.server.settings import Settings
from admit.stores.observed import Around


class Watchers:
    """Those of one process. What is not asked for costs nothing. Raises ConfigError."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._counted = settings.metrics_port is not None
        self.around_commits: list[Around] = []
        """What is put around each commit, the first outermost."""
        self._tracer = None
        if settings.tracing:
            # Here, so that nobody needs OpenTelemetry who does not want it.
            from admit.server import spans

            self._tracer = spans.tracer()
            self.around_commits.append(spans.commits(self._tracer, settings.store_kind))
        if self._counted:
            self.around_commits.append(metrics.timed(settings.store_kind))

    def watched(self, app: Drain, auth: Authority) -> ASGIApp:
        """``app``, the application of ``auth``, with everybody watching."""
        count = metrics.Counted(auth).count if self._counted else None
        seen = Seen(app, proxies=self._settings.proxies, count=count, at_once=app.at_once)
        if self._tracer is None:
            return seen
        from admit.server.spans import Traced

        return Traced(seen, self._tracer, issuer=self._settings.issuer)
