"""`admit serve --workers N`: starts the processes that serve one socket, and sees to it that they stay."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import sys
from asyncio.subprocess import Process
from collections.abc import Mapping, Sequence
from contextlib import suppress

import typer

from admit.errors import ConfigError
from admit.server import metrics
from admit.server.log import log_to_stderr
from admit.server.serve import REPLACED, STOPS, announce, bound
from admit.server.settings import Settings
from admit.server.worker import READY

READY_WITHIN = 30.0
"""Seconds a new worker has until it takes requests."""

AGAIN_AFTER = 0.1
AGAIN_AT_MOST = 10.0
"""Seconds until a worker that died is replaced: twice as many each time, …"""

LIVED_WELL = 60.0
"""… unless it had lived for so many."""

KILLED_AFTER = 5.0
"""Seconds beyond the drain limit that a worker has to end by itself."""

_log = logging.getLogger("admit.server")


def run(settings: Settings, given: Mapping[str, object]) -> None:
    """Serve with several workers until SIGINT or SIGTERM; at SIGHUP, replace them one by one.

    Workers read the settings by themselves, with the options ``given``. Raises ConfigError.
    """
    if any(url.startswith("memory:") for url in settings.stores):
        raise ConfigError(["A store in memory belongs to one process; write workers = 1, or another store."])
    log_to_stderr(settings.log_format)
    options = [word for name, value in given.items() if value is not None for word in (f"--{name}", str(value))]
    with bound(*settings.listens_on) as listening, metrics.told(settings) as more:
        code = asyncio.run(Watch(settings, listening, options, more).until_stopped())
    if code:
        raise typer.Exit(code)
    _log.info("stopped")


class Worker:
    """A process that serves, and the line on which it says that it is ready."""

    def __init__(self, process: Process, line: socket.socket, more: Mapping[str, str]) -> None:
        self.process = process
        self._line = line
        self._more = more

    @classmethod
    async def started(cls, listening: socket.socket, options: Sequence[str], more: Mapping[str, str]) -> Worker:
        """A new one. In a session of its own: a terminal's Ctrl-C is for the parent, which tells it."""
        ours, theirs = socket.socketpair()
        with theirs:
            fds = listening.fileno(), theirs.fileno()
            words = ["worker", *map(str, fds), *options]
            line = [sys.executable, "-m", "admit.server", *words]
            process = await asyncio.create_subprocess_exec(
                *line, pass_fds=fds, env={**os.environ, **more}, start_new_session=True
            )
        ours.setblocking(False)
        return cls(process, ours, more)

    async def ready(self) -> bool:
        """Whether it has begun to take requests, in time."""
        loop = asyncio.get_running_loop()
        with suppress(TimeoutError, ConnectionError):
            return await asyncio.wait_for(loop.sock_recv(self._line, len(READY)), READY_WITHIN) == READY
        return False

    async def ended(self, kind: signal.Signals | None, within: float) -> int:
        """Tell it to stop, unless it does so by itself, and see it dead; its exit code."""
        if kind is not None:
            self.tell(kind)
        try:
            await asyncio.wait_for(self.process.wait(), within)
        except TimeoutError:
            _log.error("worker %d does not stop and is killed", self.process.pid)
            self.tell(signal.SIGKILL)
        return await self.gone()

    def tell(self, kind: signal.Signals) -> None:
        """Send it a signal, if it lives."""
        with suppress(ProcessLookupError):
            self.process.send_signal(kind)

    async def gone(self) -> int:
        """Wait until it is dead; its exit code."""
        code = await self.process.wait()
        self._line.close()
        metrics.forget(self.process.pid, self._more)
        return code


class Watch:
    """Keeps as many workers as the settings say."""

    def __init__(
        self, settings: Settings, listening: socket.socket, options: Sequence[str], more: Mapping[str, str]
    ) -> None:
        self._more = more
        self._settings = settings
        self._listening = listening
        self._options = options
        self._workers: list[Worker] = []
        self._changing = asyncio.Lock()
        self._told: asyncio.Queue[signal.Signals] = asyncio.Queue()
        self._stops_within = settings.drain_limit + KILLED_AFTER

    async def until_stopped(self) -> int:
        """Serve; the exit code: not 0 when no worker could be started."""
        loop = asyncio.get_running_loop()
        for kind in (*STOPS, signal.SIGHUP):
            loop.add_signal_handler(kind, self._told.put_nowait, kind)
        # One alone makes what has to be made once: the store, its secret, the keys.
        for together in (1, self._settings.workers - 1):
            new = [await self._new() for _ in range(together)]
            self._workers += new
            ready = await asyncio.gather(*(worker.ready() for worker in new))
            if not all(ready):
                code = await new[ready.index(False)].ended(None, KILLED_AFTER)
                await self._stopped(signal.SIGTERM)
                return code or 1
        announce(self._settings, self._listening)
        keepers = [asyncio.create_task(self._keep(place)) for place in range(len(self._workers))]
        rolling: asyncio.Task[None] | None = None
        while (kind := await self._told.get()) is signal.SIGHUP:
            if rolling is None or rolling.done():
                rolling = asyncio.create_task(self._roll())
        for task in (*keepers, *([rolling] if rolling else [])):
            task.cancel()
        await asyncio.gather(*keepers, *([rolling] if rolling else []), return_exceptions=True)
        await self._stopped(kind)
        return 0

    async def _stopped(self, kind: signal.Signals) -> None:
        """See all of them dead."""
        # Else who connects once they have closed it is heard by nobody, and cut off at the end.
        self._listening.close()
        again = asyncio.create_task(self._told_again())
        await asyncio.gather(*(worker.ended(kind, self._stops_within) for worker in self._workers))
        again.cancel()

    async def _told_again(self) -> None:
        """Somebody is in a hurry."""
        await self._told.get()
        for worker in self._workers:
            worker.tell(signal.SIGINT)

    async def _new(self) -> Worker:
        return await Worker.started(self._listening, self._options, self._more)

    async def _keep(self, place: int) -> None:
        """Put another worker into ``place`` whenever the one there dies by itself."""
        loop, wait = asyncio.get_running_loop(), AGAIN_AFTER
        while True:
            worker, since = self._workers[place], loop.time()
            code = await worker.gone()
            if self._workers[place] is not worker:
                continue
            wait = AGAIN_AFTER if loop.time() - since > LIVED_WELL else min(2 * wait, AGAIN_AT_MOST)
            _log.error("worker %d died (%d); another starts in %.1f s", worker.process.pid, code, wait)
            await asyncio.sleep(wait)
            async with self._changing:
                self._workers[place] = await self._new()

    async def _roll(self) -> None:
        """Replace the workers one by one; each goes when the next is ready, so that somebody always takes requests."""
        for place in range(len(self._workers)):
            async with self._changing:
                fresh = await self._new()
                if not await fresh.ready():
                    code = await fresh.ended(None, KILLED_AFTER)
                    _log.error("the new worker did not start (%d); the others go on as they were", code)
                    return
                old, self._workers[place] = self._workers[place], fresh
            await old.ended(REPLACED, self._stops_within)
        _log.info("all workers are new")
