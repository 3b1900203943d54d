"""Connections to a PostgreSQL database: kept, counted, each asked one question at a time, and cut when it is silent."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeAlias, TypeVar

import asyncpg

from admit.errors import AdmitError, StoreUnavailable
from admit.stores.postgres_statements import NO_ANSWER, Connection
from admit.stores.postgres_url import Place

CLOSE = 5.0
"""Seconds that those who are being answered have to the end."""

IDLE = 300.0
"""Seconds after which a connection that nobody used is let go of: something in between may have forgotten it."""

T = TypeVar("T")

Question: TypeAlias = Callable[[Connection], Awaitable[T]]
"""What is asked on a connection that is free."""


class Lines:
    """At most ``place.connections`` questions at once, each on a connection of its own. For one event loop."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._room = asyncio.Semaphore(place.connections)
        # Those that nobody uses, the last used last, each with when that was.
        self._free: list[tuple[Connection, float]] = []
        self._busy: set[Connection] = set()
        self._closed = False

    async def ask(self, question: Question[T]) -> T:
        """What the database answers; whatever else happens is that it gave no answer: StoreUnavailable."""
        if self._closed:
            raise StoreUnavailable("this store is not open")
        try:
            await self._wait_for_room()
            try:
                return await self._answer(question)
            finally:
                self._room.release()
        except AdmitError:
            raise
        except asyncpg.TargetServerAttributeNotMatched as error:
            raise StoreUnavailable(
                "this PostgreSQL is a standby, and what it says may be old: write the host of the primary"
            ) from error
        except NO_ANSWER as error:
            raise StoreUnavailable(f"PostgreSQL: {type(error).__name__}: {error}") from error

    async def close(self) -> None:
        """Let those who ask finish, up to 5 s, and disconnect."""
        self._closed = True
        try:
            async with asyncio.timeout(CLOSE):
                for _ in range(self._place.connections):
                    await self._room.acquire()
                for connection, _ in self._free:
                    await connection.close()
        except (TimeoutError, *NO_ANSWER):
            self.give_up()
            await asyncio.sleep(0)  # a transport that is aborted closes its socket in the next turn of the loop

    def give_up(self) -> None:
        """Disconnect from all, whoever is asking."""
        for connection in (*self._busy, *(connection for connection, _ in self._free)):
            connection.terminate()
        self._free.clear()

    async def _wait_for_room(self) -> None:
        if self._room.locked():
            async with asyncio.timeout(self._place.connect_timeout):
                await self._room.acquire()
        else:
            await self._room.acquire()

    async def _answer(self, question: Question[T]) -> T:
        loop = asyncio.get_running_loop()
        connection = self._kept(loop.time()) or await asyncpg.connect(**self._place.arguments)
        self._busy.add(connection)
        # Cut, not cancelled: to be cancelled, a server would have to answer.
        cut = loop.call_later(self._place.statement_timeout, self._cut, connection)
        try:
            return await question(connection)
        except asyncio.CancelledError:
            connection.terminate()  # nobody waits for its answer, and the next must not meet it
            raise
        finally:
            cut.cancel()
            # Of those that were there when another one was cut, none is used again.
            if connection not in self._busy or connection.is_closed() or connection.is_in_transaction():
                connection.terminate()
            else:
                self._free.append((connection, loop.time()))
            self._busy.discard(connection)

    def _kept(self, now: float) -> Connection | None:
        """A connection that can be used, if there is one."""
        while self._free:
            connection, used = self._free.pop()
            if not connection.is_closed() and now - used < IDLE:
                return connection
            connection.terminate()
        return None

    def _cut(self, connection: Connection) -> None:
        """Give ``connection`` up, and all that are there: where one is silent, each of the others would take as long."""
        connection.terminate()
        self._busy.clear()
        for other, _ in self._free:
            other.terminate()
        self._free.clear()
