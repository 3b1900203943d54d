"""What a verifier counts, as figures for Prometheus; needs prometheus_client (the extra `metrics`)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from admit.core.tally import PATHS
from admit.verifier import Mode, Status, Verifier

MODES: tuple[Mode, ...] = ("fresh", "asking", "closed")

GAUGES = {
    "admit_verifier_staleness_seconds": "Seconds since all that had ended was known here.",
    "admit_verifier_lease_left_seconds": "Seconds for which credentials are still accepted without news of the log.",
    "admit_verifier_entries": "Revocations held.",
}
VERIFICATIONS = "Credentials that were judged, by what it took; looked up: the authority was asked."
MODE = "1 for what is done now: accept by what is known (fresh), ask about each credential, or stay closed."
RESTARTS = "How often the log had to be read from its beginning."
AGES = "How old what was known was, in seconds, at each acceptance."


class VerifierFigures(Collector):
    """Collects the figures of a verifier when they are asked for: ``REGISTRY.register(VerifierFigures(gate))``.

    They are those of this process. Nothing is counted for them that the verifier would not count anyway.
    """

    def __init__(self, verifier: Verifier) -> None:
        self._verifier = verifier

    def describe(self) -> Iterator[Metric]:
        """The figures by name; no verifier is asked for them."""
        return _figures(None)

    def collect(self) -> Iterator[Metric]:
        """The figures at this moment."""
        return _figures(self._verifier.status())


def _figures(status: Status | None) -> Iterator[Metric]:
    verifications = CounterMetricFamily("admit_verifier_verifications", VERIFICATIONS, labels=["path"])
    mode = GaugeMetricFamily("admit_verifier_mode", MODE, labels=["mode"])
    restarts = CounterMetricFamily("admit_verifier_restarts", RESTARTS)
    ages = HistogramMetricFamily("admit_verifier_age_seconds", AGES, labels=[])
    gauges = [GaugeMetricFamily(name, told) for name, told in GAUGES.items()]
    if status is not None:
        for path in PATHS:
            verifications.add_metric([path.replace("_", " ")], status.answers[path])
        for one in MODES:
            mode.add_metric([one], float(one == status.mode))
        restarts.add_metric([], status.restarts)
        counted = zip(status.ages, accumulate(status.ages.values()), strict=True)
        buckets = [*((str(edge), float(sofar)) for edge, sofar in counted), ("+Inf", float(sum(status.ages.values())))]
        ages.add_metric([], buckets, sum_value=None)
        for gauge, value in zip(gauges, (status.staleness, status.left, status.entries), strict=True):
            gauge.add_metric([], value)
    yield from (verifications, mode, restarts, ages, *gauges)
