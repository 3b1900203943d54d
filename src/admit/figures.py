"""What a verifier or an authority counts, as figures for Prometheus; needs prometheus_client (the extra `metrics`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from itertools import accumulate

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from admit.authority import Authority
from admit.verifier import Mode, Status, Verifier

MODES: tuple[Mode, ...] = ("fresh", "asking", "closed")

GAUGES = {
    "admit_verifier_staleness_seconds": "Seconds since all that had ended was known here.",
    "admit_verifier_lease_left_seconds": "Seconds for which credentials are still accepted without news of the log.",
    "admit_verifier_entries": "Revocations held.",
}
VERIFICATIONS = "Credentials that were judged, by kind and by what it took; looked up: the authority was asked."
JUDGED = (
    "Credentials that were judged, by kind (host: a session at another host, behind a gateway) and by what it took: seen "
    "before, verified (signature and claims), looked up (in the store), refused, unanswered (neither yes nor no), not "
    "accepted (of a kind that does not count where it was presented, and alone there)."
)
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


class AuthorityFigures(Collector):
    """Collects what an authority has judged in this process: ``REGISTRY.register(AuthorityFigures(auth))``.

    For applications with an authority of their own; ``admit serve`` tells it, and more, by itself.
    """

    def __init__(self, auth: Authority) -> None:
        self._auth = auth

    def describe(self) -> Iterator[Metric]:
        """The figures by name."""
        yield _judged("admit_verifications", JUDGED, {})

    def collect(self) -> Iterator[Metric]:
        """The figures at this moment."""
        told = {kind: asdict(tally) for kind, tally in self._auth.tallies.items()}
        yield _judged("admit_verifications", JUDGED, told)


def _judged(name: str, told: str, answers: Mapping[str, Mapping[str, int]]) -> Metric:
    found = CounterMetricFamily(name, told, labels=["credential", "path"])
    for kind, paths in answers.items():
        for path, number in paths.items():
            found.add_metric([kind, path.replace("_", " ")], number)
    return found


def _figures(status: Status | None) -> Iterator[Metric]:
    verifications = _judged("admit_verifier_verifications", VERIFICATIONS, {} if status is None else status.answers)
    mode = GaugeMetricFamily("admit_verifier_mode", MODE, labels=["mode"])
    restarts = CounterMetricFamily("admit_verifier_restarts", RESTARTS)
    ages = HistogramMetricFamily("admit_verifier_age_seconds", AGES, labels=[])
    gauges = [GaugeMetricFamily(name, told) for name, told in GAUGES.items()]
    if status is not None:
        for one in MODES:
            mode.add_metric([one], float(one == status.mode))
        restarts.add_metric([], status.restarts)
        counted = zip(status.ages, accumulate(status.ages.values()), strict=True)
        buckets = [*((str(edge), float(sofar)) for edge, sofar in counted), ("+Inf", float(sum(status.ages.values())))]
        ages.add_metric([], buckets, sum_value=None)
        for gauge, value in zip(gauges, (status.staleness, status.left, status.entries), strict=True):
            gauge.add_metric([], value)
    yield from (verifications, mode, restarts, ages, *gauges)
