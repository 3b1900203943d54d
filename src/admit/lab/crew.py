"""The processes in which application servers are measured, as whoever measures them sees them."""

from __future__ import annotations

import asyncio
import contextlib
import math
import sys
import tempfile
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import IO

import msgspec

from admit.lab.process import MAX_LINE, TABLE, Close, Command, Measure, Renew, Reply, Rest, Serve, Tell, Watch
from admit.lab.strategy import Plan, Store, Strategy, Unmeasured
from admit.lab.watching import WARM_UP, Answer, AppServer, Header, Here, Measured

PATIENCE = 60.0
"""Seconds until a process that says nothing counts as failed."""


class Process:
    """A process that takes commands, one after the other, for any number of application servers."""

    def __init__(self, process: asyncio.subprocess.Process, errors: IO[bytes]) -> None:
        self.pid = process.pid
        self._process = process
        self._errors = errors
        self._turn = asyncio.Lock()
        self._servers = 0

    @classmethod
    async def start(cls, table: str) -> Process:
        """Start one that knows the strategies of the module ``table``."""
        errors = tempfile.TemporaryFile()  # noqa: SIM115 - it is open as long as the process is
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "admit.lab.process", table),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
            limit=MAX_LINE,
            start_new_session=True,  # Ctrl-C is for the one who measures, who ends it in order
        )
        return cls(process, errors)

    async def serve(self, plan: Plan) -> There:
        """An application server of ``plan`` in it. Raises Unmeasured."""
        self._servers += 1
        server = There(self, self._servers)
        await self.ask(Serve(server.number, plan))
        return server

    async def ask(self, command: Command, *, within: float = PATIENCE) -> Reply:
        """What it replies, within so many seconds. Raises Unmeasured."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        try:
            async with self._turn, asyncio.timeout(within):
                stdin.write(msgspec.json.encode(command) + b"\n")
                await stdin.drain()
                line = await stdout.readline()
        except TimeoutError as error:
            raise Unmeasured(f"an application server said nothing for {within:g} s") from error
        except ConnectionError:
            line = b""
        if not line:
            raise Unmeasured(f"a process that measures has ended: {self._said_last()}")
        reply = msgspec.json.decode(line, type=Reply)
        if reply.failed:
            raise Unmeasured(reply.failed)
        return reply

    async def close(self) -> None:
        """End it: in order, or else at once."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), 10)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
        self._errors.close()

    def _said_last(self) -> str:
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else "without a word"


class There:
    """An application server in another process."""

    def __init__(self, process: Process, number: int) -> None:
        self.number = number
        self._process = process

    async def watch(self, groups: Sequence[Sequence[Header]], *, pause: float, limit: float = math.inf) -> None:
        """Ask for people from now on; see AppServer. Raises Unmeasured."""
        asked = [list(group) for group in groups]
        await self._process.ask(Watch(self.number, asked, pause, None if limit == math.inf else limit))

    async def renew(self, person: int, header: Header) -> None:
        """Somebody has another credential from now on. Raises Unmeasured."""
        await self._process.ask(Renew(self.number, person, header))

    async def tell(self) -> list[Answer]:
        """What has been answered since the last time. Raises Unmeasured."""
        return (await self._process.ask(Tell(self.number))).answers

    async def rest(self) -> list[Answer]:
        """Ask no more. Raises Unmeasured."""
        return (await self._process.ask(Rest(self.number))).answers

    async def measure(self, headers: Sequence[Header], *, seconds: float, at_once: int = 1) -> Measured:
        """Verify ``headers`` in turn for so many seconds, and a little before. Raises Unmeasured."""
        within = PATIENCE + seconds * (1 + WARM_UP)
        reply = await self._process.ask(Measure(self.number, list(headers), seconds, at_once), within=within)
        assert reply.measured is not None
        return reply.measured

    async def close(self) -> None:
        """Give back what it holds. Raises Unmeasured."""
        await self._process.ask(Close(self.number))


@dataclass(frozen=True, slots=True)
class Crew:
    """The processes of a run, which serve one lane after the other or several at once."""

    processes: Sequence[Process]

    async def serve(self, strategy: Strategy, plan: Plan, store: Store, *, servers: int = 0) -> list[AppServer]:
        """An application server of ``plan`` in each process, or in the first so many of them. Raises Unmeasured.

        What is in memory is shared with nobody: there all of them are in this process.
        """
        number = servers or len(self.processes)
        if store == "memory":
            return [Here(await strategy.server(plan)) for _ in range(number)]
        return list(await asyncio.gather(*(process.serve(plan) for process in self.processes[:number])))


async def closed(servers: Sequence[AppServer]) -> None:
    """Close all of them at once: some wait for what they have asked. Raises Unmeasured, once all have been told."""
    found = await asyncio.gather(*(server.close() for server in servers), return_exceptions=True)
    for failed in filter(None, found):
        raise failed


@contextlib.asynccontextmanager
async def crew(number: int, *, table: str = TABLE) -> AsyncGenerator[Crew]:
    """So many processes, which end with the block; ``table`` is the module whose STRATEGIES they know."""
    async with contextlib.AsyncExitStack() as stack:
        started: list[Process] = []
        for _ in range(number):
            process = await Process.start(table)
            stack.push_async_callback(process.close)
            started.append(process)
        yield Crew(started)
