"""Processes of a test's own: started quickly, spoken with over pipes, set off together, and ended by their ids."""

from __future__ import annotations

import asyncio
import multiprocessing
import traceback
from collections.abc import Awaitable, Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Barrier
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self

P = ParamSpec("P")

PATIENCE = 120.0
"""Seconds after which whoever is waited for has failed."""

# Forked from a process that has no threads and has loaded the library, and what modules of tests import of it: ten
# milliseconds a member.
_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(
    [
        *("admit.authority", "admit.verifier", "admit.testing.clock", "admit.server.fresh"),
        *(f"admit.stores.{kind}" for kind in ("memory", "sqlite", "postgres", "redis")),
    ]
)


class Line:
    """The end of a pipe that a role holds."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def say(self, value: object) -> None:
        """Tell the test."""
        self._connection.send(value)

    def hear(self) -> Any:
        """What the test says next. EOFError when it is gone."""
        return self._connection.recv()

    def called(self, within: float = 0.0) -> bool:
        """Whether the test has said something; waits up to ``within`` seconds for it."""
        return self._connection.poll(within)


Role = Callable[Concatenate[Line, P], Awaitable[None]]
"""What a member does with its life: a function on the top level of a module that can be imported by name."""


class _Failed:
    def __init__(self, story: str) -> None:
        self.story = story


class Member:
    """One process, as the test sees it."""

    def __init__(self, process: BaseProcess, connection: Connection) -> None:
        self.process = process
        self._connection = connection

    def say(self, value: object) -> None:
        """Tell the member."""
        self._connection.send(value)

    async def hear(self, within: float = PATIENCE) -> Any:
        """What the member says next. TimeoutError when it stays silent, EOFError when it is dead."""
        if not await asyncio.to_thread(self._connection.poll, within):
            raise TimeoutError(f"{self.process.name} said nothing for {within} seconds")
        heard = self._connection.recv()
        assert not isinstance(heard, _Failed), f"{self.process.name} failed:\n{heard.story}"
        return heard

    async def rest(self) -> list[Any]:
        """All that a member said before it died."""
        said: list[Any] = []
        with suppress(EOFError, ConnectionResetError):
            while True:
                said.append(await self.hear())
        return said

    async def kill(self) -> None:
        """End it with SIGKILL, and see it dead."""
        self.process.kill()
        await asyncio.to_thread(self.process.join, PATIENCE)

    async def leave(self) -> None:
        """See it come to its own end."""
        await asyncio.to_thread(self.process.join, PATIENCE)
        assert self.process.exitcode == 0, await self.rest()

    async def dismissed(self) -> None:
        """Nobody talks to it any more; it ends, or is ended."""
        if self.process.is_alive():
            await self.kill()
        self._connection.close()


class Crew:
    """The processes of one test; none of them outlives it."""

    def __init__(self) -> None:
        self._members: list[Member] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for member in self._members:
            await member.dismissed()

    def start(self, role: Role[P], *args: P.args, **kwargs: P.kwargs) -> Member:
        """A new process that lives ``role``."""
        ours, theirs = _context.Pipe()
        name = f"{getattr(role, '__name__', 'member')} {len(self._members)}"
        process = _context.Process(target=_live, args=(theirs, role, args, kwargs), name=name, daemon=True)
        process.start()
        # With our copy of their end open, we would never hear that they are dead.
        theirs.close()
        member = Member(process, ours)
        self._members.append(member)
        return member

    @staticmethod
    def barrier(parties: int) -> Barrier:
        """Where ``parties`` processes wait for each other, to be set off at one instant."""
        return _context.Barrier(parties, timeout=PATIENCE)


def _live(connection: Connection, role: Role[...], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    async def life() -> None:
        await role(Line(connection), *args, **kwargs)

    try:
        asyncio.run(life())
    except EOFError:
        return
    except BaseException:  # noqa: BLE001 - the test is told, and fails with it
        connection.send(_Failed(traceback.format_exc()))
        raise SystemExit(1) from None
