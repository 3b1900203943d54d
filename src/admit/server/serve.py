"""`admit serve`: the HTTP application on a socket, until it is told to stop."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Generator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any

import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp

from admit.authority import Authority
from admit.core.store import PURGE_AT_MOST
from admit.errors import ConfigError, StoreError
from admit.server import metrics, seed
from admit.server.connection import KEPT_FOR, Bounded, end_overdue
from admit.server.drain import Drain
from admit.server.log import log_to_stderr, without_password
from admit.server.operators import operator
from admit.server.settings import Settings
from admit.server.watchers import Watchers
from admit.trail import acting
from admit.web import application

PURGE_EVERY = 60.0
"""Seconds between two rounds of removing what nobody can present any more."""

PURGE_ROUNDS = 10
"""Commits of a round, at most, so that it never stands in the way of requests for long."""

STOPS = (signal.SIGTERM, signal.SIGINT)
REPLACED = signal.SIGHUP
"""Stop, for another process takes the requests from now on."""

BACKLOG = 2_048
"""Connections that may wait to be accepted."""

_LOOK_EVERY = 0.05

_log = logging.getLogger("admit.server")


async def nothing(_: Authority) -> None:
    """What is done before the first request, as a rule."""


def plain(_: FastAPI) -> None:
    """What is added to the application, as a rule."""


def run(
    settings: Settings,
    *,
    first: Callable[[Authority], Awaitable[None]] = nothing,
    furnish: Callable[[FastAPI], None] = plain,
) -> None:
    """Serve until SIGINT or SIGTERM, once ``first`` is done; ``furnish`` adds to the application.

    Raises ConfigError, StoreError before the first request.
    """
    log_to_stderr(settings.log_format)
    with bound(*settings.listens_on) as listening, metrics.told(settings):

        async def told(auth: Authority) -> None:
            await first(auth)
            announce(settings, listening)

        asyncio.run(served(settings, listening, first=told, furnish=furnish))
    _log.info("stopped")


async def served(
    settings: Settings,
    listening: socket.socket,
    *,
    first: Callable[[Authority], Awaitable[None]] = nothing,
    furnish: Callable[[FastAPI], None] = plain,
    ready: Callable[[], None] = lambda: None,
    orphaned: asyncio.Event | None = None,
) -> None:
    """Serve ``listening`` until told to stop, or until ``orphaned`` is set; ``ready`` is called once requests are taken."""
    watchers = Watchers(settings)
    auth = settings.authority(around_commits=watchers.around_commits)
    with acting(operator=operator()):  # what the settings say, another max_staleness say, is done by whoever starts it
        await auth.open()
    async with auth, _beside(_purge_for_ever(auth)):
        app = application(
            auth,
            at=settings.path,
            brand=settings.brand,
            confirm_within=settings.confirm_within,
            forward=settings.forward,
        )
        furnish(app)
        drain = Drain(app)
        server = _Server(_config(settings, watchers.watched(drain, auth)), ready)
        with _told_to_stop(orphaned or asyncio.Event(), drain) as (stopping, hurried):
            await first(auth)
            if settings.seed_file is not None:
                await seed.sow(auth, settings.seed_file)
            _settle()
            overdue = end_overdue(server.server_state.connections)
            async with _beside(overdue), _beside(metrics.watch(auth)):
                serving = asyncio.create_task(server.serve(sockets=[listening]))
                await stopping.wait()
                drain.on = True
                await _drain(server, listening, hurried, settings.drain_limit)
                await serving


def _settle() -> None:
    """Take what is there by now out of the sight of the garbage collector: it stays.

    To look through all of it takes 60 ms, during which nobody is answered and no end travels.
    """
    gc.collect()
    gc.freeze()


def announce(settings: Settings, listening: socket.socket) -> None:
    """Say where the server is, and what is not as it should be."""
    host, port = listening.getsockname()[:2]
    stores = ", accounts in ".join(map(without_password, settings.stores))
    _log.info("listening on %s port %d, issuer %s, store %s", host, port, settings.issuer, stores)
    if settings.issuer.startswith("http:"):
        _log.warning(
            "THE ISSUER IS PLAIN HTTP: for this machine only. The cookie has another name and no Secure attribute; "
            "write an https issuer before anybody else comes."
        )


def bound(host: str, port: int) -> socket.socket:
    """A socket that listens there. Raises ConfigError."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listening = socket.create_server((host, port), family=family, backlog=BACKLOG)
        # asyncio does so only where it made the socket; without it, each answer waits 40 ms for an acknowledgement.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else str(error)
        raise ConfigError([f"Cannot listen on {host} port {port}: {why}. Write another --port."]) from error
    return listening


class _Server(uvicorn.Server):
    """uvicorn, which leaves signals to us and says when it takes requests."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to take requests."""
        await super().startup(sockets)
        self._ready()

    def protocol(self) -> asyncio.Protocol:
        """What serves one connection."""
        return Bounded(self.config, self.server_state, self.lifespan.state)

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Capture none."""
        yield


def _config(settings: Settings, app: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=Bounded,
        ws="none",
        loop="asyncio",
        log_config=None,
        access_log=False,
        lifespan="off",
        # The peer is who it is until somebody says which proxies may speak for others.
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=KEPT_FOR,
        limit_concurrency=settings.max_connections,
    )


@contextmanager
def _told_to_stop(stopping: asyncio.Event, drain: Drain) -> Generator[tuple[asyncio.Event, asyncio.Event]]:
    """Set the first event at a signal to stop, and the second when there is somebody waiting at a terminal."""
    loop, hurried = asyncio.get_running_loop(), asyncio.Event()

    def told(kind: signal.Signals) -> None:
        if kind is signal.SIGINT or stopping.is_set():
            hurried.set()
        drain.replaced = kind is REPLACED
        stopping.set()

    for kind in (*STOPS, REPLACED):
        loop.add_signal_handler(kind, told, kind)
    try:
        yield stopping, hurried
    finally:
        for kind in (*STOPS, REPLACED):
            loop.remove_signal_handler(kind)


async def _drain(server: _Server, listening: socket.socket, hurried: asyncio.Event, limit: float) -> None:
    """Take no connection more; let those that are kept come to their end; then ask uvicorn to stop."""
    loop = asyncio.get_running_loop()
    until = loop.time() + limit
    # What was accepted a moment ago is a connection only in the next turns; a closed server drops it.
    loop.remove_reader(listening.fileno())
    await asyncio.sleep(_LOOK_EVERY)
    with listening.dup() as last:
        for one in server.servers:
            one.close()
        waiting = _waiting(last)
    for connection in waiting:
        await loop.connect_accepted_socket(server.protocol, connection)
    # A kept connection that we closed now might carry a request already, which a proxy may not send again.
    kept = min(until, loop.time() + KEPT_FOR + 1)
    while server.server_state.connections and loop.time() < kept and not hurried.is_set():
        with suppress(TimeoutError):
            await asyncio.wait_for(hurried.wait(), _LOOK_EVERY)
    server.config.timeout_graceful_shutdown = max(1, round(until - loop.time()))
    server.should_exit = True


def _waiting(listening: socket.socket) -> list[socket.socket]:
    """The connections that nobody has accepted yet. Whoever made one has sent his request, and it would be cut off.

    Whoever calls this closes the socket next: in between is the only moment in which somebody may still be.
    """
    found: list[socket.socket] = []
    with suppress(OSError):  # there are no more
        while len(found) < BACKLOG:
            connection, _ = listening.accept()
            connection.setblocking(False)
            found.append(connection)
    return found


@asynccontextmanager
async def _beside(work: Coroutine[Any, Any, None]) -> AsyncGenerator[None]:
    """Do ``work`` meanwhile."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _purge_for_ever(auth: Authority) -> None:
    while True:
        try:
            for _ in range(PURGE_ROUNDS):
                if await auth.purge() < PURGE_AT_MOST:
                    break
        except StoreError as error:
            _log.error("nothing was purged: %s", error)
        await asyncio.sleep(PURGE_EVERY)
