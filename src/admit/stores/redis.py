"""A store in Redis or Valkey, for any number of servers: each verb is one script, and each commit one step of it."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncGenerator, Iterable, Sequence
from functools import partial
from typing import Any, TypeVar

from redis.asyncio.connection import Connection

from admit.core.ids import HOMES, home_of
from admit.core.store import (
    LATE,
    PURGE_AT_MOST,
    REVOCATIONS,
    Append,
    Change,
    Check,
    Cursor,
    Delete,
    Found,
    Insert,
    Key,
    Page,
    Record,
    Replace,
)
from admit.core.world import Chance
from admit.errors import ConfigError, Conflict, StoreError
from admit.stores import asked, redis_dump, redis_fitness, redis_logs, redis_records
from admit.stores.bell import Bell
from admit.stores.counters import window_of
from admit.stores.loops import on
from admit.stores.opened import Opened, Openings
from admit.stores.redis_bell import hear
from admit.stores.redis_lines import Lines, Script, Word, script
from admit.stores.redis_logs import BELIEVED, NONCE, Ends
from admit.stores.redis_place import Place
from admit.stores.redis_records import ALL, tag_of
from admit.stores.redis_routes import route_of
from admit.system import chance as system_chance

T = TypeVar("T")

# What is read, and what ends something, goes on where memory is full.
_GET = script("record", "proof", "get", flags="allow-oom")
_FIND = script("record", "proof", "find", flags="allow-oom")
_LOG = script("proof", "log", flags="allow-oom")
_LOGS = script("proof", "log", flags="allow-oom,allow-cross-slot-keys")
_MAKE = script("record", "commit")
_CHANGE = script("record", "commit", flags="allow-oom")
_PURGE = script("record", "purge", flags="allow-oom")
_COUNT = script("count")

_SLACK = 60.0  # seconds for which a counter is kept after its window, for servers whose clocks differ
_HISTORY = 5  # bytes of chance that name a log


class RedisStore:
    """Keeps everything in the Redis at ``place``.

    At most ``place.connections`` are open, and one more to hear of news. They belong to the event loop that opens
    the store; who asks from another one is answered through it. A forked child opens a store of its own.
    In a Cluster it is partitioned: a home is a hash tag, and has a log of its own.
    """

    tail = None

    def __init__(self, place: Place, *, chance: Chance = system_chance, ends: Ends | None = None) -> None:
        self._place = place
        self._ends = Ends() if ends is None else ends
        self._chance = chance
        self._openings = Openings[Opened[Lines]]()
        self.partitioned = place.shape == "cluster"
        self.lag = 0.0
        self._homes = homes_of(place)
        self._channel = f"{place.prefix}admit.{place.db}"

    def own_secret(self, *, make: bool) -> bytes:
        """None: it would lie beside what it seals. Raises ConfigError."""
        del make
        raise ConfigError(["A Redis store keeps no master secret. Write one: secret, or ADMIT_SECRET_FILE."])

    def again(self) -> RedisStore:
        """The same, with connections of its own."""
        return RedisStore(self._place, chance=self._chance, ends=self._ends)

    async def open(self) -> None:
        """Connect to a Redis that keeps what it acknowledges. Raises StoreUnavailable, ConfigError."""
        if self._openings.serves:
            return
        lines = Lines(self._place, route_of(self._place))

        async def listening() -> Connection:
            return await lines.connected(await lines.primary(self._homes[0]))

        try:
            self.lag = await redis_fitness.judge(lines, self._homes)
        except BaseException as error:
            await lines.close()
            if fault := redis_fitness.fault(error.__cause__):
                raise ConfigError([fault]) from error
            raise
        await self._openings.begin(Opened(lines=lines, bell=Bell(partial(hear, listening, self._channel))))

    async def close(self) -> None:
        """Disconnect."""
        await self._openings.end()

    async def get(self, *keys: Key) -> list[Record | None]:
        """The records of ``keys`` at one moment."""
        for key in keys:
            asked.text(*key)
        homes = self._one_home(tag_of(id) for _, id in keys)
        lines = self._openings.now.lines
        if not keys:
            return []
        names = [redis_records.record_key(self._place.prefix, key) for key in keys]
        home = homes.pop()
        found = await self._openings.ask(self._seen(lines, home, _GET, self._log_of(home), names, ()))
        return [value and redis_records.read(key, value) for key, value in zip(keys, found, strict=True)]

    async def find(self, kind: str, tag: str, *, after: Cursor | None = None, limit: int = 100) -> Found:
        """A page of the records of ``kind`` that bear ``tag``, in the order of their ids."""
        asked.text(kind, tag)
        lines = self._openings.now.lines
        words = (redis_records.rest(after or ""), limit + 1)
        name, home = redis_records.tag_key(self._place.prefix, kind, tag), tag_of(tag)
        found: list[bytes] = await self._openings.ask(
            self._seen(lines, home, _FIND, self._log_of(home), (name,), words)
        )
        records = tuple(
            redis_records.read((kind, redis_records.id_of(tag[:1], id)), value)
            for id, value in zip(found[::2], found[1::2], strict=True)
        )
        return Found(records[:limit], Cursor(records[limit - 1].id) if len(records) > limit else None)

    async def commit(self, *changes: Change) -> None:
        """All of the changes, durably, or none."""
        asked.changes(changes)
        lines = self._openings.now.lines
        if not changes:
            return
        homes = self._one_home(_home_of(change) for change in changes)
        home = homes.pop() if self.partitioned else ALL
        prefix = self._place.prefix
        keys: list[bytes] = []
        words: list[Word] = [
            self._channel,
            *(redis_records.home_key(prefix, home, name) for name in ("late", "topics")),
            int.from_bytes(self._chance(_HISTORY)) + 1,
        ]
        now = time.time()
        appended: list[tuple[bytes, bytes]] = []
        for change in changes:
            key, what, was, value, until = self._said(change, home, now)
            keys.append(key)
            words += (what, was, value, until)
            if isinstance(change, Append):
                appended.append((key, value[:NONCE]))
        # What ends something, and the note of it, is taken also where memory is full.
        ends = any(isinstance(change, Append) for change in changes)
        kind = _CHANGE if ends or not any(isinstance(change, Insert) for change in changes) else _MAKE
        done: list[Any] = await self._openings.ask(lines.write(home, kind, keys, words))
        if at_fault := int(done[0]):
            raise Conflict(f"{_told(changes[at_fault - 1])} is there already, or not in that version")
        for (log, nonce), id in zip(appended, done[1:], strict=True):
            self._ends.note(log, id, nonce)

    async def log(self, topic: str, after: Cursor | None, *, limit: int = 1_000, wait: float = 0.0) -> Page:
        """Entries after a cursor, in the order of their commits, home by home; where there are none, waits for a ring and says so."""
        asked.text(topic)

        async def read() -> Page:
            return await self._read(topic, after, limit)

        opened = self._openings.now
        if wait <= 0:
            return await on(opened.loop, read())
        return await on(opened.loop, opened.bell.rung(wait, read))

    async def purge(self, now: float) -> int:
        """Remove what expired more than a day before ``now`` and Redis does not remove by itself."""
        lines = self._openings.now.lines
        removed = 0
        for home in self._homes:
            keys = [redis_records.home_key(self._place.prefix, home, name) for name in ("late", "topics")]
            removed += await self._openings.ask(
                lines.run(home, _PURGE, keys, (f"{now - LATE:.6f}", PURGE_AT_MOST - removed))
            )
            if removed >= PURGE_AT_MOST:
                break
        return removed

    async def count(self, key: str, window: float, now: float, *, hits: int = 1) -> int:
        """The hits of ``key`` in the window around ``now``, by all servers."""
        asked.text(key)
        number = window_of(window, now)
        lines = self._openings.now.lines
        home = home_of(key)
        name = redis_records.counter_key(self._place.prefix, home, key, window, number)
        until = int(((number + 1) * window + _SLACK) * 1000)
        return int(await self._openings.ask(lines.run(home, _COUNT, (name,), (hits, until))))

    async def dump(self) -> AsyncGenerator[Insert | Append]:
        """All that is there. Whoever writes meanwhile has to be asked to stop: it says so at the end."""
        opened = self._openings.now
        all_there = redis_dump.dump(opened.lines, self._homes)

        async def following() -> Insert | Append | None:
            return await anext(all_there, None)

        try:
            while (change := await on(opened.loop, following())) is not None:
                yield change
        finally:
            await on(opened.loop, all_there.aclose())

    def _one_home(self, touched: Iterable[str]) -> set[str]:
        homes = set(touched)
        if self.partitioned and len(homes) > 1:
            raise StoreError("a Redis Cluster reads and commits in one home at a time")
        return homes

    def _said(self, change: Change, home: str, now: float) -> tuple[bytes, str, bytes, bytes, bytes]:
        """A change as the script takes it: its key, what, the version that was read, what is written, until when."""
        prefix = self._place.prefix
        match change:
            case Insert(record) | Replace(record, _):
                what = "insert" if isinstance(change, Insert) else "replace"
                was = redis_records.version_bytes(change.was) if isinstance(change, Replace) else b""
                until = redis_records.until(record, now)
                return redis_records.record_key(prefix, record.key), what, was, redis_records.written(record), until
            case Delete(kind, id, was) | Check(kind, id, was):
                what = "delete" if isinstance(change, Delete) else "check"
                read = b"" if was is None else redis_records.version_bytes(was)
                return redis_records.record_key(prefix, (kind, id)), what, read, b"", b""
            case Append(topic):
                entry = redis_logs.written(change, self._chance(redis_logs.NONCE))
                return redis_records.log_key(prefix, home, topic), "append", b"", entry, b""

    async def _read(self, topic: str, after: Cursor | None, limit: int) -> Page:
        stands = redis_logs.stands(after, self._homes)
        names = {home: redis_records.log_key(self._place.prefix, home, topic) for home in self._homes}

        known = self._ends.known(names)  # before anything is read, or it could be younger than that
        lines = self._openings.now.lines

        async def read(homes: Sequence[str], kind: Script) -> dict[str, Any]:
            words: list[Word] = [limit + 2]
            for home in homes:
                words += (names[home], redis_logs.begin(stands.get(home)))
            logs = [names[home] for home in homes]
            found = await self._seen(lines, homes[0], kind, logs, logs[:1], words)
            return dict(zip(homes, found, strict=True))

        if not self.partitioned:
            return redis_logs.page(await read(ALL, _LOG), stands, limit, known)
        by_node: defaultdict[object, list[str]] = defaultdict(list)
        for home in self._homes:
            by_node[await lines.primary(home)].append(home)
        parts = await asyncio.gather(*(read(homes, _LOGS) for homes in by_node.values()))
        read_all = {home: lines for part in parts for home, lines in part.items()}
        return redis_logs.page(dict(sorted(read_all.items())), stands, limit, known)

    async def _seen(
        self,
        lines: Lines,
        home: str,
        kind: Script,
        logs: Sequence[bytes],
        keys: Sequence[bytes],
        words: Iterable[Word],
    ) -> Any:
        """What a script reads, once replicas have all that ``logs`` tell of it.

        A primary that stood still, and goes on though another took its place, carries out what was asked of it
        meanwhile, and none of it will have been. Everything that changes what somebody may do comes with an entry.
        """
        proof: Sequence[Word] = BELIEVED
        if self._place.replicas:
            mark = redis_records.home_key(self._place.prefix, home if self.partitioned else ALL, "read")
            proof = self._ends.proof(mark, logs)
        news, found = await lines.read(home, kind, keys, (*proof, *words))
        self._ends.prove(news)
        return found

    def _log_of(self, home: str) -> tuple[bytes]:
        """The log that tells of what is changed in ``home``."""
        return (redis_records.log_key(self._place.prefix, home if self.partitioned else ALL, REVOCATIONS),)


def homes_of(place: Place) -> str:
    """The homes that have a log of their own."""
    return HOMES if place.shape == "cluster" else ALL


def _home_of(change: Change) -> str:
    match change:
        case Append():
            return change.home
        case Insert(record) | Replace(record, _):
            return tag_of(record.id)
        case _:
            return tag_of(change.id)


def _told(change: Change) -> str:
    match change:
        case Insert(record) | Replace(record, _):
            return f"{record.kind} {record.id!r}"
        case Append(topic):
            return topic
        case _:
            return f"{change.kind} {change.id!r}"
