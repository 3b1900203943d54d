"""What a guard costs in each framework, by cookie, token and API key, and what other ways to guard cost there.

An endpoint that looks at nothing is sent the same, in the same turn. ASGI is asked through uvicorn's HTTP protocol, WSGI
as a server would call it, both in this process and without sockets: over a network every guard looks cheaper. gRPC goes
over loopback, its client included. What is compared is processor time of this process, so that those who ask a Redis
are not charged for waiting, nor for what Redis does.

The bars: 0.95 of the unguarded endpoint behind the ASGI guard, 0.84 with FastAPI's dependency (one that does nothing
leaves little more), no operation of the store for a credential that was seen before, and more requests than each of
the others by the slowest of our three credentials.
"""

from __future__ import annotations

import asyncio
import gc
import importlib.util
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

import databases
import djangos
import endpoints
from admit import Authority, TokenPolicy
from admit.core.store import Store
from admit.guards import wsgi
from admit.stores import open_store
from callers import Ask, Headers, over_asgi, over_grpc, over_wsgi
from environment import prepared
from table import Figure, Row, arguments, report

PEOPLE = 100
FREE = "unguarded"
IDLE = "a dependency that does nothing"
COOKIE, TOKEN, KEY = KINDS = ("cookie", "token", "API key")
BARS = {"FastAPI, ASGI guard": 0.95, "FastAPI, dependency": 0.84}
BAR_STORE, BAR_AHEAD = 0.02, 1.0

Headed = Mapping[str, list[Headers]]
"""What a hundred people present, by what it is."""


@dataclass
class Case:
    """A way to ask, how often it does in a turn, and what was measured: seconds of a request, slice by slice."""

    ask: Ask
    times: int = 100
    seconds: list[float] = field(default_factory=list[float])
    taken: list[float] = field(default_factory=list[float])
    asked: int = 0
    operations: int = 0

    def warm(self, turn: float) -> None:
        """Ask until everybody is known, and find out how often one does in ``turn`` seconds."""
        self.ask(2 * PEOPLE)
        begun = time.process_time()
        self.ask(30)
        self.times = max(5, min(500, round(turn * 30 / (time.process_time() - begun))))

    def turn(self, store: Counter) -> None:
        """Ask."""
        before, begun = store.asked, time.process_time()
        self.ask(self.times)
        self.taken.append((time.process_time() - begun) / self.times)
        self.operations += store.asked - before
        self.asked += self.times

    def end(self) -> None:
        """A slice is over: the median of its turns, so that one in which somebody else was served from our caches is none."""
        self.seconds.append(median(self.taken))
        self.taken.clear()


Group = dict[str, Case]
"""An endpoint as it is, and guarded in some ways, all sent the same in turns."""


class Counter:
    """Counts what a store is asked: every verb, and every read of the end of its log."""

    def __init__(self, store: Store) -> None:
        self.asked = 0
        for verb in ("get", "find", "commit", "log", "purge", "count"):
            setattr(store, verb, self._counted(getattr(store, verb)))
        tail: Any = type(store.tail)
        tail.read = self._counted(tail.read)

    def _counted(self, call: Any) -> Any:
        def counted(*given: Any, **named: Any) -> Any:
            self.asked += 1
            return call(*given, **named)

        return counted


def credentials(auth: Authority) -> Headed:
    """What a hundred people present, each in three ways."""
    found: dict[str, list[Headers]] = {kind: [] for kind in KINDS}
    for place in range(PEOPLE):
        before = auth.sync.subjects.before(f"user-{place}")
        started = auth.sync.sessions.start(before.proven("pwd"))
        found[COOKIE].append([(b"cookie", started.cookie.partition(";")[0].encode())])
        for kind, text in (
            (TOKEN, auth.sync.tokens.access(started.session)),
            (KEY, auth.sync.api_keys.create(before, "bench").text),
        ):
            found[kind].append([(b"authorization", f"Bearer {text}".encode())])
    return found


def ours(auth: Authority, runner: asyncio.Runner, stack: ExitStack) -> dict[str, Group]:
    """Every framework by every credential: unguarded, behind our guards, and behind one that does nothing."""
    on_loop = {
        "FastAPI": {
            FREE: endpoints.with_fastapi(),
            "ASGI guard": endpoints.by_asgi(auth),
            "dependency": endpoints.by_dependency(auth),
            IDLE: endpoints.by_idle_dependency(auth),
        },
        "Starlette": {FREE: endpoints.with_starlette(), "decorator": endpoints.with_starlette(auth)},
        "Litestar": {
            FREE: endpoints.with_litestar(),
            "guard": endpoints.by_litestar(auth),
            "a guard that does nothing": endpoints.by_idle_litestar(auth),
        },
        "Django, ASGI": {FREE: djangos.on_a_loop(None), "middleware": djangos.on_a_loop(auth)},
    }
    in_threads = {
        "Django, WSGI": {FREE: djangos.in_threads(None), "middleware": djangos.in_threads(auth)},
        "Flask": {
            FREE: endpoints.with_flask(),
            "decorator": endpoints.with_flask(auth),
            "WSGI guard": endpoints.by_wsgi(auth),
        },
        "no framework, no server": {FREE: endpoints.bare, "WSGI guard": wsgi.Guard(endpoints.bare, auth)},
    }
    channels = {
        name: stack.enter_context(endpoints.served_by_grpc(door))
        for name, door in ((FREE, None), ("interceptor", auth))
    }
    found: dict[str, Group] = {}
    for kind, presented in credentials(auth).items():
        for name, apps in on_loop.items():
            found[f"{name}, {kind}"] = {way: Case(over_asgi(runner, app, presented)) for way, app in apps.items()}
        for name, apps in in_threads.items():
            found[f"{name}, {kind}"] = {way: Case(over_wsgi(app, presented)) for way, app in apps.items()}
        found[f"gRPC, {kind}"] = {way: Case(over_grpc(channel, presented)) for way, channel in channels.items()}
    return found


def add_peers(found: dict[str, Group], folder: Path, runner: asyncio.Runner, stack: ExitStack) -> dict[str, str]:
    """Others who guard the same endpoints, in the groups of ``found``; for each, which guard of ours it stands beside."""
    app, cookies = djangos.with_sessions(PEOPLE)
    found["Django, WSGI, cookie"]["Django's sessions"] = Case(over_wsgi(app, cookies))
    beside = {"Django's sessions": "Django, WSGI, middleware"}
    if (jwt := djangos.with_simplejwt(PEOPLE)) is not None:
        free, guarded, tokens = jwt
        simple = "Django REST framework, simplejwt"
        found[simple] = {FREE: Case(over_wsgi(free, tokens)), simple: Case(over_wsgi(guarded, tokens))}
        beside[simple] = "Django, WSGI, middleware"
    if importlib.util.find_spec("fastapi_users") is None:
        return beside
    import peers

    redis = None
    if shutil.which("redis-server") is None:
        print("NOT MEASURED: what asks a Redis (redis-server is not installed: make system)", file=sys.stderr)
    else:
        redis = peers.asked(stack.enter_context(databases.redis("--appendonly", "no")))
    made = {"PyJWT": peers.with_pyjwt(PEOPLE), **runner.run(peers.with_fastapi_users(folder, PEOPLE, redis))}
    if redis is not None:
        made["PyJWT and a blocklist in Redis"] = peers.with_pyjwt(PEOPLE, redis)
    for name, (app, tokens) in made.items():
        found["FastAPI, token"][name] = Case(over_asgi(runner, app, tokens))
    app, cookies = runner.run(peers.with_starsessions(PEOPLE))
    found["FastAPI, cookie"]["starsessions in memory"] = Case(over_asgi(runner, app, cookies))
    return beside | dict.fromkeys([*made, "starsessions in memory"], "FastAPI, dependency")


def measure(found: dict[str, Group], store: Counter, slices: int, turns: int, turn: float) -> None:
    """Ask in turns: within a slice every group, the ways of one alternating; each slice begins with another group."""
    cases = [case for group in found.values() for case in group.values()]
    for case in cases:
        case.warm(turn)
    gc.collect()
    gc.freeze()  # else what one of them keeps is looked through at the expense of another
    names = list(found)
    for place in range(slices):
        start = place * len(names) // slices
        for name in names[start:] + names[:start]:
            ways = list(found[name].values())
            for at in range(turns):
                for case in ways[at % len(ways) :] + ways[: at % len(ways)]:
                    case.turn(store)
            for case in ways:
                case.end()


def rows(found: dict[str, Group], beside: Mapping[str, str]) -> Iterator[Row]:
    """What was found, with the bars: ratios to the endpoint unguarded, the store, and who is ahead of whom."""
    worst = 0.0
    for name, group in sorted(found.items()):
        free = group[FREE]
        for way, case in group.items():
            if way == FREE:
                continue
            pairs = list(zip(free.seconds, case.seconds, strict=True))
            more = Figure.of([(taken - without) * 1e6 for without, taken in pairs])
            told = f"{more.median:.1f} ({more.least:.1f} … {more.most:.1f}) µs more than {_micros(free):.4g}"
            framework, _, kind = name.rpartition(", ")
            mine = way not in beside and "nothing" not in way
            if mine:
                worst = max(worst, case.operations / case.asked)
                told += f"; {case.operations} store operations in {case.asked:,} requests"
            case_name = way if name == way else f"{framework}, {way}, {kind}"
            bar = BARS.get(f"{framework}, {way}")
            yield Row(case_name, Figure.of([one / other for one, other in pairs]), "×", bar, "min", told)
    for kind in KINDS:
        group = found[f"FastAPI, {kind}"]
        beside_idle = zip(group[IDLE].seconds, group["dependency"].seconds, strict=True)
        ratio = Figure.of([idle / taken for idle, taken in beside_idle])
        yield Row(f"FastAPI, dependency / {IDLE}, {kind}", ratio, "×", None, "min")
    yield Row("store operations per guarded request, warm: the most of all", Figure.of([worst]), "", BAR_STORE)
    for peer, guard in beside.items():
        theirs = next(group[peer] for group in found.values() if peer in group)
        framework, _, way = guard.rpartition(", ")
        by_kind = [found[f"{framework}, {kind}"][way].seconds for kind in KINDS]
        slowest = [max(taken) for taken in zip(*by_kind, strict=True)]
        ahead = Figure.of([one / other for one, other in zip(theirs.seconds, slowest, strict=True)])
        told = f"theirs takes {_micros(theirs):.4g} µs, ours at most {Figure.of(slowest).median * 1e6:.4g}"
        yield Row(f"{guard} / {peer}: requests", ahead, "×", BAR_AHEAD, "min", told)


def _micros(case: Case) -> float:
    return Figure.of(case.seconds).median * 1e6


def measured(slices: int, turns: int, turn: float) -> list[Row]:
    """The whole table."""
    with tempfile.TemporaryDirectory() as there, ExitStack() as stack, asyncio.Runner() as runner:
        folder = Path(there)
        djangos.configure(folder)
        store = open_store(f"sqlite:///{folder}/admit.db")
        policy = TokenPolicy(access=3_600)
        auth = Authority(store, issuer="https://app.example.com/auth", tokens=policy, scopes={})
        auth.sync.open()
        counter = Counter(store)
        found = ours(auth, runner, stack)
        beside = add_peers(found, folder, runner, stack)
        measure(found, counter, slices, turns, turn)
        runner.run(asyncio.sleep(0.1))  # Django ends an answer after it was given
        auth.sync.close()
        return list(rows(found, beside))


def with_peers() -> None:
    """Go on in the environment that holds the peers; where it cannot be made, go on without them and say so."""
    if importlib.util.find_spec("fastapi_users") is not None:
        print(f"peers: from bench.lock, with email-validator {version('email-validator')}", file=sys.stderr)
        return
    if (python := prepared()) is not None:
        os.execv(python, [str(python), *sys.argv])


if __name__ == "__main__":
    options = arguments(__doc__)
    with_peers()
    report("guard", measured(options.slices, 2 if options.quick else 4, options.seconds / 2), options)
