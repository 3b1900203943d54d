"""All that a Redis store keeps, one thing after the other: it goes on being written, so a dump tells when it was not whole."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

from admit.core.ids import HOMES
from admit.core.store import Append, Insert
from admit.errors import StoreError
from admit.stores import redis_logs
from admit.stores.redis_lines import Lines, script
from admit.stores.redis_records import ALL, home_key, key_of, read, topic_of

_AT_ONCE = 500

_HEADS = script("heads", flags="allow-oom")
_LOG = script("proof", "log", flags="allow-oom")
_SCAN = script("record", "scan", flags="allow-oom,allow-cross-slot-keys")

_Heads = dict[bytes, bytes]


async def dump(lines: Lines, homes: str) -> AsyncGenerator[Insert | Append]:
    """The records, then the entries. Raises StoreError when one was appended meanwhile, StoreUnavailable."""
    servers = await lines.primaries(homes)
    before = {home: await _heads(lines, home) for home in homes}
    for home in servers.values():
        async for insert in _records(lines, home):
            yield insert
    for home in homes:
        for log in sorted(before[home]):
            async for append in _entries(lines, home, log):
                yield append
    if await lines.primaries(homes) != servers or {home: await _heads(lines, home) for home in homes} != before:
        raise StoreError("something was written while everything was read; stop the servers, or try again")


async def _records(lines: Lines, home: str) -> AsyncGenerator[Insert]:
    """All that are kept by the server that keeps ``home``."""
    prefix = lines.place.prefix
    after = b"0"
    while True:
        pattern = "".join(f"\\{sign}" if sign in "*?[]\\^" else sign for sign in prefix) + "{*"
        found: list[bytes] = await lines.run(home, _SCAN, (home_key(prefix, home, "late"),), (after, pattern, _AT_ONCE))
        after = found[0]
        for name, value in zip(found[1::2], found[2::2], strict=True):
            key = key_of(prefix, name)
            if key is not None:
                yield Insert(read(key, value))
        if after == b"0":
            return


async def _entries(lines: Lines, home: str, log: bytes) -> AsyncGenerator[Append]:
    topic = topic_of(log)
    begin: bytes = b"-"
    while True:
        read: list[Any] = await lines.run(home, _LOG, (log,), (*redis_logs.BELIEVED, _AT_ONCE, log, begin))
        [found] = read[1]
        for id, [_, line] in found:
            begin = b"(" + id
            expires_at, entry = redis_logs.read(line)
            yield Append(topic, entry, expires_at, HOMES[0] if home == ALL else home)
        if len(found) < _AT_ONCE:
            return


async def _heads(lines: Lines, home: str) -> _Heads:
    found: list[bytes] = await lines.run(home, _HEADS, (home_key(lines.place.prefix, home, "topics"),), ())
    return dict(zip(found[::2], found[1::2], strict=True))
