"""Figures for Prometheus, on a port of their own; those of several workers are added up by whoever watches them.

With PROMETHEUS_MULTIPROC_DIR in the environment the library keeps the figures of every process in files there, also
beyond its death: what a worker that was replaced has counted stays counted.
"""

from __future__ import annotations

import asyncio
import collections
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields
from operator import attrgetter, sub
from tempfile import TemporaryDirectory

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram, start_http_server
from prometheus_client.multiprocess import (
    MultiProcessCollector,
    mark_process_dead,  # pyright: ignore[reportUnknownVariableType] - it has no types
)
from starlette.types import Scope

from admit.authority import Authority
from admit.core import log
from admit.core.ids import EVERYTHING
from admit.core.log import Allowed, Began, Ended, Moved, Raised
from admit.core.principal import Ends
from admit.core.store import REVOCATIONS, Append, Change
from admit.core.tally import Tally
from admit.errors import ConfigError, Conflict
from admit.figures import JUDGED
from admit.followers import Told
from admit.server.settings import Settings
from admit.stores.observed import Around

SHARED = "PROMETHEUS_MULTIPROC_DIR"
LOOK_EVERY = 1.0

# A route is the template of a path: of those there are few, whatever strangers ask for.
REQUESTS = Counter("admit_requests", "Requests that were answered.", ["method", "route", "status"])
SECONDS = Histogram("admit_request_seconds", "Seconds until a request was answered.", ["route"])
SIGN_INS = Counter("admit_sign_ins", "Attempts to sign in, by outcome.", ["outcome"])
HASHING = Gauge("admit_hashing", "Passwords that are hashed or wait for it.", multiprocess_mode="livesum")
VERIFICATIONS = Counter(
    "admit_verifications",
    JUDGED,
    ["credential", "path"],
)
COMMITS = Histogram(
    "admit_commit_seconds",
    "Seconds until the store had made a commit durable (done), refused it because somebody else was faster (conflict), "
    "or gave no answer (failed).",
    ["store", "outcome"],
    buckets=(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0),
)

ENDED = Counter(
    "admit_revocations",
    "Entries of the revocation log that were written, by what they end: a session, a cookie, a token, an api key, "
    "a (signing) key, what a subject had, everything.",
    ["kind"],
)
ANSWERS = Counter(
    "admit_log_answers",
    "Questions of services that follow the log, by what they were told: news, nothing (new), to begin anew (their "
    "position is lost). How long they waited, admit_request_seconds tells.",
    ["told"],
)
VERIFIERS = Gauge(
    "admit_verifiers",
    "Processes that follow the log, by the name of their verifier key: those that asked so lately that they may still "
    "accept something.",
    ["verifier"],
    multiprocess_mode="livesum",
)
LAG = Gauge(
    "admit_log_lag_seconds",
    "Of the processes that follow the log, the one that is furthest behind: how long ago it knew all that had ended.",
    multiprocess_mode="livemax",
)

FIGURES = (REQUESTS, SECONDS, SIGN_INS, VERIFICATIONS, COMMITS, HASHING, ENDED, ANSWERS, VERIFIERS, LAG)
"""All of them."""

_SIGN_IN = ("/sign-in", "/tokens")
_KINDS = [kind.name.lower().replace("_", " ") for kind in Ends]
_SUBJECT, _EVERYTHING = "subject", "everything"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Counted:
    """Counts the answers of this process, and what ``auth`` has judged for them."""

    def __init__(self, auth: Authority) -> None:
        # From the beginning, each with its 0: else the first of its kind is no increase to whoever watches.
        self._counted = [_Counted(tally, VERIFICATIONS, kind) for kind, tally in auth.tallies.items()]
        self._counted.append(_Counted(auth.followers.told, ANSWERS))
        for kind in (*_KINDS, _SUBJECT, _EVERYTHING):
            ENDED.labels(kind)

    def count(self, scope: Scope, status: int, seconds: float) -> None:
        """Count an answer, before its request is forgotten: what was counted survives the process."""
        route = route_of(scope)
        method = scope["method"] if scope["method"] in METHODS else "other"
        REQUESTS.labels(method, route, status).inc()
        SECONDS.labels(route).observe(seconds)
        if method == "POST" and route.endswith(_SIGN_IN):
            SIGN_INS.labels(_outcome(status)).inc()
        for one in self._counted:
            one.tell()


class _Counted:
    """Plain numbers, and the figures to which is added what they have grown by."""

    def __init__(self, numbers: Tally | Told, figure: Counter, *labels: str) -> None:
        names = [one.name for one in fields(numbers)]
        self._numbers = numbers
        self._read: Callable[[Tally | Told], tuple[int, ...]] = attrgetter(*names)
        self._figures = [figure.labels(*labels, name.replace("_", " ")) for name in names]
        self._before = (0,) * len(names)

    def tell(self) -> None:
        """Add what is new."""
        now = self._read(self._numbers)
        if now != self._before:
            for figure, more in zip(self._figures, map(sub, now, self._before), strict=True):
                if more:
                    figure.inc(more)
            self._before = now


def timed(kind: str) -> Around:
    """Notes how long each commit to a store of that kind takes, and what it ended."""

    @contextmanager
    def around(changes: Sequence[Change]) -> Generator[None]:
        began, outcome = time.perf_counter(), "done"
        try:
            yield
        except BaseException as error:
            outcome = "conflict" if isinstance(error, Conflict) else "failed"
            raise
        else:
            for change in changes:
                if isinstance(change, Append) and change.topic == REVOCATIONS:
                    _count_end(log.decode(change.entry))
        finally:
            COMMITS.labels(kind, outcome).observe(time.perf_counter() - began)

    return around


def route_of(scope: Scope) -> str:
    """The template of the path that was asked for, “none” where there is nothing."""
    route = scope.get("route")
    if route is None:
        return "none"
    # The route knows its own template, below a prefix that holds nothing of the sender's.
    template: str = route.path_format
    prefix: str = scope["path"].rsplit("/", template.count("/"))[0]
    return prefix + template


async def watch(auth: Authority) -> None:
    """Note again and again how many passwords wait, who follows the log, and how far behind."""
    names = set[str]()
    while True:
        HASHING.set(auth.hashing)
        lately, now = auth.followers.lately(), auth.clock.lease()
        there = collections.Counter(one.key for one in lately)
        names |= there.keys()  # who is gone is told with 0: nobody is alarmed by what is not told
        for name in names:
            VERIFIERS.labels(name).set(there[name])
        LAG.set(max((one.behind(now) for one in lately), default=0.0))
        await asyncio.sleep(LOOK_EVERY)


@contextmanager
def told(settings: Settings) -> Generator[dict[str, str]]:
    """Serve the figures meanwhile, if there is a port for them; gives what the environment of workers must hold.

    Raises ConfigError.
    """
    if settings.metrics_port is None:
        yield {}
        return
    with TemporaryDirectory(prefix="admit-metrics-") as shared:
        registry = REGISTRY
        if settings.workers > 1:
            registry = CollectorRegistry()
            MultiProcessCollector(registry, shared)  # type: ignore[no-untyped-call]
        try:
            server, thread = start_http_server(settings.metrics_port, "127.0.0.1", registry)
        except OSError as error:
            fault = (
                f"Cannot tell figures on port {settings.metrics_port}: {error.strerror}. Write another metrics_port."
            )
            raise ConfigError([fault]) from error
        try:
            yield {SHARED: shared}
        finally:
            server.shutdown()
            server.server_close()
            thread.join()


def forget(pid: int, more: Mapping[str, str]) -> None:
    """A process is dead: what it has counted stays, how it stood does not."""
    if shared := more.get(SHARED):
        mark_process_dead(pid, shared)  # type: ignore[no-untyped-call]


def _count_end(entry: log.Entry) -> None:
    match entry:
        case Ended():
            ENDED.labels(_KINDS[entry.kind]).inc()
        case Raised(what=what):
            ENDED.labels(_EVERYTHING if what == EVERYTHING else _SUBJECT).inc()
        case Began() | Allowed() | Moved():
            pass  # ends nothing


def _outcome(status: int) -> str:
    match status:
        case 200 | 303:
            return "signed in"
        case 401:
            return "refused"
        case 429:
            return "too many"
        case _:
            return "failed"
