"""`admit serve`: the HTTP application on a socket, until it is told to stop."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from types import FrameType

import uvicorn

from admit.authority import Authority
from admit.core.store import PURGE_AT_MOST
from admit.errors import ConfigError, StoreError
from admit.server.settings import Settings
from admit.web import application

PURGE_EVERY = 60.0
"""Seconds between two rounds of removing what nobody can present any more."""

PURGE_ROUNDS = 10
"""Commits of a round, at most, so that it never stands in the way of requests for long."""

GRACE = 5
"""Seconds in which requests may finish once the server is told to stop."""

# What a terminal, or whoever reads a log line by line, would take for something else (CWE-117).
_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029)}

_log = logging.getLogger("admit.server")


class OneLine(logging.Formatter):
    """A line for each record, whatever somebody put into a path; a traceback follows on lines of its own."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - its name in the standard library
        """The record in one line."""
        return super().formatMessage(record).translate(_CONTROLS)


def log_to_stderr() -> None:
    """Write what the server has to say to standard error."""
    out = logging.StreamHandler()
    out.setFormatter(OneLine("%(asctime)s %(levelname)s %(name)s %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[out])
    logging.getLogger("uvicorn").setLevel(logging.WARNING)


async def nothing(_: Authority) -> None:
    """What is done before the first request, as a rule."""


def run(settings: Settings, *, first: Callable[[Authority], Awaitable[None]] = nothing) -> None:
    """Serve until SIGINT or SIGTERM, once ``first`` is done. Raises ConfigError, StoreError before the first request."""
    log_to_stderr()
    asyncio.run(_served(settings, first))


async def _served(settings: Settings, first: Callable[[Authority], Awaitable[None]]) -> None:
    auth = settings.authority()
    with _bound(*settings.listens_on) as listening:
        async with auth, _purging(auth):
            config = uvicorn.Config(
                application(auth, at=settings.path),
                log_config=None,
                access_log=False,
                lifespan="off",
                # The peer is who it is until somebody says which proxies may speak for others.
                proxy_headers=False,
                server_header=False,
                timeout_graceful_shutdown=GRACE,
            )
            await first(auth)
            _announce(settings, listening)
            await _until_stopped(uvicorn.Server(config), listening)
    _log.info("stopped")


def _announce(settings: Settings, listening: socket.socket) -> None:
    host, port = listening.getsockname()[:2]
    _log.info("listening on %s port %d, issuer %s, store %s", host, port, settings.issuer, settings.store)
    if settings.issuer.startswith("http:"):
        _log.warning(
            "THE ISSUER IS PLAIN HTTP: for this machine only. The cookie has another name and no Secure attribute; "
            "write an https issuer before anybody else comes."
        )


async def _until_stopped(server: uvicorn.Server, listening: socket.socket) -> None:
    # uvicorn raises the signal again once it has stopped; there is still a store to close then.
    before = {kind: signal.signal(kind, _ignored) for kind in (signal.SIGINT, signal.SIGTERM)}
    try:
        await server.serve(sockets=[listening])
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)


def _ignored(_number: int, _frame: FrameType | None) -> None:
    pass


def _bound(host: str, port: int) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listening = socket.create_server((host, port), family=family, backlog=2_048)
        # asyncio does so only where it made the socket; without it, each answer waits 40 ms for an acknowledgement.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else str(error)
        raise ConfigError([f"Cannot listen on {host} port {port}: {why}. Write another --port."]) from error
    return listening


@asynccontextmanager
async def _purging(auth: Authority) -> AsyncGenerator[None]:
    task = asyncio.create_task(_purge_for_ever(auth))
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
