"""A table in Redis: a key for each row with a time to live, and for each subject a sorted set of its keys."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast

import msgspec
from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.connection import Connection, SSLConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from admit.errors import ConfigError
from admit.lab.strategy import Count, Unavailable
from admit.lab.tables.table import PATIENCE, Row, checked, parts
from admit.stores.redis_place import Place, parse

CONNECTIONS = 16

SETTLED = 10.0
"""Seconds after which Redis has let go of the tables that it has outgrown."""

_PASSING = ("mem_clients_normal", "mem_clients_slaves", "mem_aof_buffer", "mem_total_replication_buffers")

# What a row is: its roles on a line of their own, which scripts rewrite, then all else.
_END = """
local row = redis.call('GETDEL', KEYS[1])
if row then redis.call('ZREM', ARGV[1] .. string.match(row, '^[^\\n]*\\n([^\\n]*)'), ARGV[2]) end
return row
"""
_END_ALL = """
local found = {}
for _, key in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  local row = redis.call('GETDEL', ARGV[1] .. key)
  if row then found[#found + 1] = key; found[#found + 1] = row end
end
redis.call('DEL', KEYS[1])
return found
"""
_SET_ROLES = """
local found = {}
for _, key in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  local row = redis.call('GET', ARGV[1] .. key)
  if row then
    row = ARGV[2] .. string.sub(row, string.find(row, '\\n', 1, true), -1)
    redis.call('SET', ARGV[1] .. key, row, 'KEEPTTL')
    found[#found + 1] = key; found[#found + 1] = row
  end
end
return found
"""
_SWAP = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'KEEPTTL')
return 1
"""


class _Pool(ConnectionPool):
    """Who finds all connections taken waits for one: it is no reason to say that Redis does not answer.

    That of redis-py which waits takes a sixth longer for every read, whether somebody has to wait or not.
    """

    def __init__(self, **settings: Any) -> None:
        cast("Any", super()).__init__(max_connections=CONNECTIONS, **settings)
        self._free = asyncio.Semaphore(CONNECTIONS)

    async def get_connection(self, command_name: Any = None, *keys: Any, **options: Any) -> Any:
        """One that nobody uses. Raises TimeoutError, RedisError."""
        del command_name, keys, options  # of callers of long ago
        if self._free.locked():
            async with asyncio.timeout(PATIENCE):
                await self._free.acquire()
        else:
            await self._free.acquire()
        return await cast("Any", super()).get_connection()  # if it fails, it is released there

    async def release(self, connection: Any) -> None:
        """Somebody else may have it."""
        try:
            await super().release(connection)
        finally:
            self._free.release()


_rest = msgspec.msgpack.Decoder(tuple[int, bytes, bytes])


class Counting:
    """What a connection sends, counted where it is sent: a pipeline is many operations and one round trip."""

    def __init__(self, count: Count, *args: Any, **settings: Any) -> None:
        self._count = count
        super().__init__(*args, **settings)

    def pack_command(self, *args: Any) -> list[bytes]:
        """A command, alone or of a pipeline."""
        self._count.operations += 1
        return cast("list[bytes]", super().pack_command(*args))  # type: ignore[misc]

    async def send_packed_command(self, command: Any, check_health: bool = True) -> None:
        """Whatever is sent together is answered together."""
        self._count.round_trips += 1
        await super().send_packed_command(command, check_health)  # type: ignore[misc]


class _Plain(Counting, Connection):
    """Counted."""


class _Secure(Counting, SSLConnection):
    """Counted, by TLS."""


class RedisTable:
    """Rows of a Redis that any number of servers share."""

    def __init__(self, client: Any, name: str, count: Count, *, owned: bool) -> None:
        self.count = count
        self._client = client
        self._owned = owned
        self._key, self._of = f"{name}:".encode(), f"{name}:of:".encode()
        self._scripts = [client.register_script(text) for text in (_END, _END_ALL, _SET_ROLES, _SWAP)]

    async def connect(self) -> None:
        """Be there before the first request, which would wait for it. Raises RedisError, OSError."""
        await self._client.ping()

    async def get(self, key: bytes) -> Row | None:
        """One command."""
        async with answering():
            found = await self._client.get(self._key + key)
        return None if found is None else _read(key, found)

    async def put(self, *rows: Row) -> None:
        """A transaction for each commit."""
        for some in parts(rows):
            async with answering(), self._client.pipeline(transaction=True) as together:
                for row in some:
                    together.set(self._key + row.key, _written(row), exat=row.expires_at)
                    if self._owned:
                        together.zadd(self._of + row.subject.encode(), {row.key: row.expires_at})
                        together.expireat(self._of + row.subject.encode(), row.expires_at)
                await together.execute()

    async def swap(self, was: Row, now: Row) -> bool:
        """One script."""
        async with answering():
            return bool(await self._scripts[3](keys=[self._key + was.key], args=[_written(was), _written(now)]))

    async def end(self, key: bytes) -> Row | None:
        """One script."""
        async with answering():
            found = await self._scripts[0](keys=[self._key + key], args=[self._of, key])
        return _read(key, found) if found else None

    async def end_all(self, subject: str) -> list[Row]:
        """One script."""
        async with answering():
            return _pairs(await self._scripts[1](keys=[self._of + subject.encode()], args=[self._key]))

    async def set_roles(self, subject: str, roles: str) -> list[Row]:
        """One script."""
        async with answering():
            return _pairs(await self._scripts[2](keys=[self._of + subject.encode()], args=[self._key, roles]))

    async def taken(self) -> int:
        """What Redis takes for all that it keeps."""
        async with answering():
            return await used(self._client)

    async def close(self) -> None:
        """Disconnect."""
        await self._client.aclose()


async def used(client: Any) -> int:
    """Bytes that Redis has taken, without buffers that come and go, once it does not change any more."""
    before, until = 0, time.monotonic() + SETTLED
    # While keys move to a larger table there are two of them, and they move when there is nothing else to do.
    while before != (now := await _used(client)) and time.monotonic() < until:
        before = now
        await asyncio.sleep(0.15)
    return now


async def _used(client: Any) -> int:
    found = await client.info("memory")
    return int(found["used_memory"]) - sum(int(found.get(name, 0)) for name in _PASSING)


@asynccontextmanager
async def answering() -> AsyncGenerator[None]:
    """Whatever else happens inside than an answer is that there was none: Unavailable."""
    try:
        yield
    except (RedisError, OSError, TimeoutError) as error:
        raise Unavailable(f"Redis: {type(error).__name__}: {error}") from error


def _written(row: Row) -> bytes:
    rest = msgspec.msgpack.encode((row.expires_at, row.data, row.proof))
    return b"%b\n%b\n%b" % (row.roles.encode(), row.subject.encode(), rest)


def _read(key: bytes, found: bytes) -> Row:
    roles, subject, rest = found.split(b"\n", 2)
    expires_at, data, proof = _rest.decode(rest)
    return Row(key=key, subject=subject.decode(), roles=roles.decode(), expires_at=expires_at, data=data, proof=proof)


def _pairs(found: Sequence[bytes]) -> list[Row]:
    return [_read(key, row) for key, row in zip(found[::2], found[1::2], strict=True)]


def connected(place: Place, count: Count) -> Any:
    """A client of ``place`` that counts what it sends. Raises ConfigError for what is not one Redis."""
    if place.shape != "one":
        raise ConfigError(["The lab measures one Redis. Write redis://host:6379/0"])
    host, port = place.servers[0]
    settings: dict[str, Any] = {
        "count": count, "host": host, "port": port, "db": place.db, "username": place.username, "password": place.password,
        "socket_timeout": PATIENCE, "socket_connect_timeout": PATIENCE,
        "connection_class": _Secure if place.tls else _Plain,
        "retry": Retry(NoBackoff(), 0),  # a rotation that was done, and is said again, would look like a copy
    }  # fmt: skip
    if place.tls:
        settings |= {"ssl_ca_certs": place.ca, "ssl_certfile": place.cert, "ssl_keyfile": place.key}
    return Redis.from_pool(_Pool(**settings))


async def opened(rest: str, name: str, count: Count, *, owned: bool) -> RedisTable:
    """The table ``name``, whose keys begin with that."""
    place = parse("redis", rest)
    table = RedisTable(connected(place, count), f"{place.prefix}lab:{checked(name)}", count, owned=owned)
    async with answering():
        await table.connect()
    return table
