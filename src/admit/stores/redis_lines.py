"""Connections to the Redis servers of a store: kept, counted, each question asked once and where its answer is."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from hashlib import sha1
from importlib.resources import files
from typing import Any, Protocol

from redis.asyncio.connection import Connection, SSLConnection
from redis.exceptions import (
    ClusterDownError,
    MasterDownError,
    MovedError,
    NoScriptError,
    ReadOnlyError,
    RedisError,
    ResponseError,
    TryAgainError,
)

from admit.errors import StoreUnavailable
from admit.stores.redis_place import Place, Server

CONNECT = 2.0
"""Seconds that connecting may take: a server that runs a long script for somebody else answers nobody meanwhile."""

_REDIRECTS = 5
_AGAIN = 0.05
_REFUSES = ("NOREPLICAS", "MISCONF")  # redis-py has no errors of their own for these

Word = bytes | str | int


@dataclass(frozen=True, slots=True)
class Script:
    """A script of the folder ``lua``, and its name at the servers."""

    source: bytes
    sha: bytes = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "sha", sha1(self.source, usedforsecurity=False).hexdigest().encode())


def script(*names: str, flags: str = "") -> Script:
    """The script that those files are together. Without ``no-writes`` Redis refuses it where no write is accepted."""
    folder = files("admit.stores").joinpath("lua")
    first = f"#!lua flags={flags}\n" if flags else "#!lua\n"
    return Script("".join((first, *(folder.joinpath(f"{name}.lua").read_text("utf-8") for name in names))).encode())


@dataclass(frozen=True, slots=True)
class _Question:
    verb: Word
    script: Script | None
    words: Sequence[Word]
    waits: Callable[[Any], bool]


class Route(Protocol):
    """Knows which server keeps what."""

    async def server(self, lines: Lines, home: str) -> Server:
        """The primary of ``home``. Raises RedisError, OSError, StoreUnavailable."""

    def forget(self) -> None:
        """Find out anew: somebody else may be the primary now."""


class Lines:
    """At most ``place.connections`` questions at once, each on a connection of its own. For one event loop."""

    def __init__(self, place: Place, route: Route) -> None:
        self.place = place
        self._route = route
        self._room = asyncio.Semaphore(place.connections)
        self._free: defaultdict[Server, list[Connection]] = defaultdict(list)
        self._closed = False

    async def run(self, home: str, script: Script, keys: Sequence[bytes], words: Sequence[Word]) -> Any:
        """What ``script`` answers for ``keys``, all of which live in ``home``. Raises StoreUnavailable, ResponseError."""
        return await self._asked(home, b"EVALSHA", script, (len(keys), *keys, *words))

    async def write(self, home: str, script: Script, keys: Sequence[bytes], words: Sequence[Word]) -> Any:
        """As :meth:`run`; what was written is with as many replicas as there have to be before this returns."""
        return await self._asked(home, b"EVALSHA", script, (len(keys), *keys, *words), waits=lambda _: True)

    async def read(self, home: str, script: Script, keys: Sequence[bytes], words: Sequence[Word]) -> Any:
        """As :meth:`write`, of a script that says first what is news; where nothing is, nobody waits."""
        return await self._asked(home, b"EVALSHA", script, (len(keys), *keys, *words), waits=lambda found: found[0])

    async def say(self, home: str, *words: Word) -> Any:
        """What the primary of ``home`` answers to a command. Raises StoreUnavailable, ResponseError."""
        return await self._asked(home, words[0], None, words[1:])

    async def primary(self, home: str) -> Server:
        """Who keeps ``home`` now. Raises StoreUnavailable, RedisError, OSError."""
        return await self._route.server(self, home)

    async def primaries(self, homes: str) -> dict[Server, str]:
        """Who keeps ``homes``, each with one that it keeps. Raises StoreUnavailable."""
        found: dict[Server, str] = {}
        for home in homes:
            found.setdefault(await self.primary(home), home)
        return found

    async def connected(self, server: Server, password: str | None = None, db: int | None = None) -> Connection:
        """A new connection, which is the caller's."""
        place = self.place
        settings: dict[str, Any] = {
            "host": server[0], "port": server[1], "db": place.db if db is None else db,
            "username": place.username if password is None else None,
            "password": place.password if password is None else password or None,
            "socket_connect_timeout": CONNECT, "socket_timeout": None, "protocol": 2,
            "client_name": "admit", "driver_info": None,
        }  # fmt: skip
        if place.tls:
            settings |= {"ssl_ca_certs": place.ca, "ssl_certfile": place.cert, "ssl_keyfile": place.key}
            connection: Connection = SSLConnection(ssl_cert_reqs="required", ssl_check_hostname=True, **settings)
        else:
            connection = Connection(**settings)
        connecting: Callable[[], Awaitable[None]] = connection.connect  # which redis-py has no type for
        try:
            await connecting()
        except BaseException:
            await _dropped(connection)
            raise
        return connection

    async def close(self) -> None:
        """Let go of all that is free; what is in use is let go of when it is done."""
        self._closed = True
        for free in self._free.values():
            while free:
                await _dropped(free.pop())

    async def _asked(
        self,
        home: str,
        verb: Word,
        script: Script | None,
        words: Sequence[Word],
        waits: Callable[[Any], bool] = lambda _: False,
    ) -> Any:
        question = _Question(verb, script, words, waits)
        try:
            async with asyncio.timeout(self.place.timeout), self._room:
                return await self._directed(home, question)
        except TimeoutError as error:
            await self._elsewhere()
            raise StoreUnavailable(f"Redis gave no answer within {self.place.timeout} s") from error
        except ResponseError as error:
            if isinstance(error, ReadOnlyError | MasterDownError | ClusterDownError) or str(error).startswith(_REFUSES):
                await self._elsewhere()
            raise StoreUnavailable(f"Redis: {type(error).__name__}: {error}") from error
        except (RedisError, OSError) as error:
            await self._elsewhere()
            raise StoreUnavailable(f"Redis: {type(error).__name__}: {error}") from error
        except asyncio.CancelledError:
            # Whoever gave up had waited long enough. Connections that nobody waits at are left alone, so that
            # a stranger who hangs up again and again costs no more than the one that was his.
            self._route.forget()
            raise

    async def _directed(self, home: str, question: _Question) -> Any:
        server = await self._route.server(self, home)
        for _ in range(_REDIRECTS):
            try:
                return await self._answer(server, question)
            # Nothing was done there, so it may be asked again where it belongs. Not where a slot is about to move to
            # (ASK): what has not come there yet would look as if it were gone.
            except MovedError as moved:
                self._route.forget()
                server = _named(moved, server)
            except TryAgainError:
                await asyncio.sleep(_AGAIN)
        raise StoreUnavailable("Redis: each node of the Cluster sends us to another one")

    async def _answer(self, server: Server, question: _Question) -> Any:
        script, words = question.script, question.words
        async with self._line(server) as line:
            if script is None:
                return await said(line, question.verb, *words)
            try:
                answer = await said(line, question.verb, script.sha, *words)
            except NoScriptError:  # a server that was started, flushed or promoted since
                answer = await said(line, b"EVAL", script.source, *words)
            replicas = self.place.replicas
            if replicas and question.waits(answer):
                # It is there, and may be lost if this primary is: so it is neither acknowledged nor believed.
                have = await said(line, "WAIT", replicas, int(self.place.timeout * 500))
                if have < replicas:
                    self._route.forget()  # another may have taken its place
                    raise StoreUnavailable(f"Redis: {have} replicas have it, of {replicas}")
            return answer

    @asynccontextmanager
    async def _line(self, server: Server) -> AsyncGenerator[Connection]:
        free = self._free[server]
        line: Connection | None = None
        while free and line is None:
            line = free.pop()
            with suppress(RedisError, OSError):
                if not line.is_connected or await line.can_read():  # it has hung up, or talks out of turn
                    await _dropped(line)
                    line = None
        if line is None:
            line = await self.connected(server)
        try:
            yield line
        except ResponseError:
            await self._back(server, line)  # it was an answer
            raise
        except BaseException:
            await _dropped(line)
            raise
        await self._back(server, line)

    async def _back(self, server: Server, line: Connection) -> None:
        if self._closed or not line.is_connected:
            await _dropped(line)
        else:
            self._free[server].append(line)

    async def _elsewhere(self) -> None:
        """Ask the next question of whoever is the primary then, on connections that may be others."""
        self._route.forget()
        for free in list(self._free.values()):
            while free:
                await _dropped(free.pop())


async def said(line: Any, *words: Word) -> Any:
    """What a server answers on ``line``. Raises RedisError, OSError."""
    await line.send_packed_command(line.pack_command(*words))
    return await line.read_response()


def _named(redirected: Any, asked: Server) -> Server:
    """Where a node sends us; to the host that it has itself, if it names none."""
    return redirected.host or asked[0], redirected.port


async def _dropped(line: Connection) -> None:
    with suppress(RedisError, OSError, TimeoutError):
        await line.disconnect(nowait=True)
