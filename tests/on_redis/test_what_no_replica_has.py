"""What a primary carried out and no replica has is not believed: it will not have been, once another takes its place (REV-01).

A primary that stood still goes on with what was asked of it meanwhile, though nobody was told that it was done. Whoever
read that, and was answered by its successor afterwards, would take the history for lost, and sign everybody out.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncGenerator, Awaitable, Iterator
from contextlib import asynccontextmanager

import pytest

from admit.core.store import REVOCATIONS, Append, Insert, Page, Replace, Store
from admit.errors import CursorLost, StoreUnavailable
from admit.stores import open_store
from admit.stores.redis_lines import Lines, script
from admit.stores.redis_place import Place, Server
from admit.testing import StoreContract
from admit.testing.contract import Make, entry, now, record
from commands import free_port
from processes.runs import answered
from redises import Cluster, Engine, eventually, pair, redis

IMPATIENT = "replicas=1&timeout=4"
"""Half of it is what a busy machine has until its replica has something."""


@pytest.fixture(scope="module")
def two() -> Iterator[tuple[Engine, Engine]]:
    """A primary that goes on without its replica, and that replica."""
    with pair(min_replicas_to_write="0") as found:
        yield found


@asynccontextmanager
async def opened(*urls: str) -> AsyncGenerator[list[Store]]:
    stores = [open_store(url) for url in urls]
    try:
        for store in stores:
            await store.open()
        yield stores
    finally:
        for store in stores:
            await store.close()


async def refused(*questions: Awaitable[object]) -> None:
    """All of them at once are told that no replica has it."""
    for outcome in await asyncio.gather(*questions, return_exceptions=True):
        assert isinstance(outcome, StoreUnavailable), outcome
        assert "replicas have it" in str(outcome)


def writes(engine: Engine) -> str:
    return engine.says("commandstats").get("cmdstat_set", "none").partition(",")[0]


class TestRedisWithAReplica(StoreContract):
    @pytest.fixture
    def make(self, two: tuple[Engine, Engine]) -> Make:
        return lambda: open_store(f"{two[0].database()}?replicas=1")


async def test_what_no_replica_has_is_not_believed_until_one_has(two: tuple[Engine, Engine]) -> None:
    primary, replica = two
    url = primary.database()
    async with opened(url, f"{url}?{IMPATIENT}") as (hasty, reader):
        was = record(tags="t")
        await hasty.commit(Insert(was), entry(b"0"))
        known = await reader.log(REVOCATIONS, None)
        with replica.stopped():
            assert await reader.log(REVOCATIONS, known.cursor) == Page((), known.cursor, end=True, stamp=known.stamp)
            assert await reader.get(was.key) == [was], "there is no news, and nobody has to be asked for it"
            await hasty.commit(Replace(record(tags="t"), was.version), entry(b"1"))
            await refused(
                reader.log(REVOCATIONS, known.cursor),
                reader.log(REVOCATIONS, None),
                reader.get(was.key),
                reader.find("thing", "at"),
            )
        await answered(lambda: reader.get(was.key))
        assert (await reader.log(REVOCATIONS, known.cursor)).entries == (b"1",)
        assert await reader.get(was.key) != [was]


async def test_who_reads_what_he_knows_writes_nothing(two: tuple[Engine, Engine]) -> None:
    primary, _ = two
    url = f"{primary.database()}?{IMPATIENT}"
    async with opened(url, url) as (writer, reader):
        there = record(tags="t")
        for _ in range(2):
            before = writes(primary)
            page = await reader.log(REVOCATIONS, None)
            await reader.log(REVOCATIONS, page.cursor, wait=0.01)
            await reader.get(there.key)
            await reader.find("thing", "at")
            assert writes(primary) == before
            await writer.commit(entry())
            await writer.log(REVOCATIONS, page.cursor)
            await writer.get(there.key)
            assert writes(primary) == before, "what was acknowledged here is known here"
            await reader.get(there.key)
            assert writes(primary) != before, "that there is an end which it did not know was nothing to it"


async def test_what_was_read_nowhere_is_missed_by_nobody_when_another_has_taken_the_place() -> None:
    with pair(min_replicas_to_write="0") as (primary, replica):
        url = primary.url(f"?{IMPATIENT}")
        async with opened(url, url) as (writer, reader):
            was = record()
            await writer.commit(Insert(was), entry(b"0"))
            known = await reader.log(REVOCATIONS, None)
            replica.run("REPLICAOF", "NO", "ONE")
            await refused(writer.commit(Replace(record(), was.version), entry(b"1")))
            await refused(reader.log(REVOCATIONS, known.cursor), reader.get(was.key))
            primary.kill()
            replica.moves_to(primary.port)
            for store in (writer, reader):
                await answered(lambda store=store: store.log(REVOCATIONS, known.cursor))  # type: ignore[misc]
                assert (await store.log(REVOCATIONS, known.cursor)).entries == ()
                assert await store.get(was.key) == [was]


async def test_an_old_primary_is_not_believed_that_what_is_known_is_gone() -> None:
    with pair(min_replicas_to_write="0") as (primary, heir), redis(replicaof=f"127.0.0.1 {primary.port}") as other:
        eventually(lambda: primary.says("replication")["connected_slaves"] == "2", lambda: other.log)
        url = primary.url(f"?{IMPATIENT}")
        async with opened(url) as [store]:
            await store.commit(entry(b"0"))
            known = await store.log(REVOCATIONS, None)
            offset = int(primary.says("replication")["master_repl_offset"])
            eventually(lambda: int(heir.says("replication")["slave_repl_offset"]) >= offset)
            heir.run("REPLICAOF", "NO", "ONE")
            other.run("REPLICAOF", "127.0.0.1", str(heir.port))
            eventually(lambda: "state=online" in heir.says("replication").get("slave0", ""), lambda: other.log)
            there = primary.port
            primary.moves_to(free_port())
            heir.moves_to(there)
            # What is asked on a connection that was kept, the old one does, and nobody is told so.
            await answered(lambda: store.commit(entry(b"1")))
            later = await store.log(REVOCATIONS, known.cursor)
            assert later.entries[-1] == b"1"
            # As from somebody who has not heard of the new one.
            heir.moves_to(free_port())
            primary.moves_to(there)
            late = store.again()
            await late.open()
            await refused(*(late.log(REVOCATIONS, cursor) for cursor in (later.cursor, known.cursor, None)))
            await late.close()


async def test_each_home_of_a_cluster_waits_for_its_own_replica(nodes: Cluster) -> None:
    prefix = f"?prefix={secrets.token_hex(4)}:"
    # A node that was asked in vain is asked who keeps what, too: a second that the half of it has to leave room for.
    async with opened(nodes.url(prefix), nodes.url(f"{prefix}&replicas=1&timeout=10")) as (hasty, reader):
        node = nodes.keeper("q")
        heir = nodes.heir(node)
        elsewhere = next(home for home in "abcdefghij" if nodes.keeper(home) is not node)
        with heir.stopped():
            await hasty.commit(Append(REVOCATIONS, b"here", now() + 3600, "q"))
            await hasty.commit(Append(REVOCATIONS, b"there", now() + 3600, elsewhere))
            await refused(reader.log(REVOCATIONS, None), reader.get(("thing", "q1")))
            assert await reader.get(("thing", f"{elsewhere}1")) == [None]
        await answered(lambda: reader.log(REVOCATIONS, None))
        assert set((await reader.log(REVOCATIONS, None)).entries) == {b"here", b"there"}


class Turning:
    """A way to the first server of several; to the next one, when it is forgotten."""

    def __init__(self, *servers: Engine) -> None:
        self._servers = [("127.0.0.1", one.port) for one in servers]

    async def server(self, lines: Lines, home: str) -> Server:
        del lines, home
        return self._servers[0]

    def forget(self) -> None:
        self._servers.append(self._servers.pop(0))


async def test_whoever_gives_up_a_question_asks_the_next_one_of_whoever_is_the_primary_then() -> None:
    with redis() as old, redis() as new:
        lines = Lines(Place("one", (), timeout=60), Turning(old, new))
        assert await lines.say("a", "SET", "name", "old") == b"OK"
        with old.stopped():
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(lines.say("a", "GET", "name"), 0.1)
            assert await asyncio.wait_for(lines.say("a", "GET", "name"), 30) is None
        await lines.close()


async def test_whoever_has_too_few_replicas_is_asked_no_more() -> None:
    with redis() as old, pair() as (new, _):
        lines = Lines(Place("one", (), timeout=4, replicas=1), Turning(old, new))
        count = script("count")
        with pytest.raises(StoreUnavailable, match="0 replicas have it, of 1"):
            await lines.write("a", count, (b"{a}!hits",), (1, 10**15))
        assert await lines.write("a", count, (b"{a}!hits",), (1, 10**15)) == 1
        await lines.close()


async def test_a_tail_that_was_lost_is_missed_though_another_has_its_numbers() -> None:
    with pair(min_replicas_to_write="0") as (primary, replica):
        async with opened(primary.url(), primary.url()) as (store, other):
            await store.commit(entry(b"0"))
            offset = primary.says("replication")["master_repl_offset"]
            eventually(lambda: int(replica.says("replication")["slave_repl_offset"]) >= int(offset))
            replica.run("REPLICAOF", "NO", "ONE")
            await store.commit(entry(b"lost"))
            primary.kill()
            replica.moves_to(primary.port)
            await answered(lambda: other.commit(entry(b"another")))
            with pytest.raises(CursorLost):
                await answered(lambda: store.log(REVOCATIONS, None))
