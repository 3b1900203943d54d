"""What is broken on purpose is broken in the way that it says, and whole again afterwards."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from admit.lab.faults import File, site
from admit.lab.relay import LATE, Relay, relayed
from admit.lab.strategy import Unmeasured


@pytest.fixture
async def relay() -> AsyncIterator[Relay]:
    """A relay in front of an echo."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while said := await reader.read(1000):
            writer.write(said)
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    one = Relay("127.0.0.1", server.sockets[0].getsockname()[1])
    await one.open()
    async with server:
        yield one
        await one.close()


class Connected:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def to(cls, relay: Relay) -> Connected:
        return cls(*await asyncio.open_connection("127.0.0.1", relay.port))

    async def echoed(self, text: bytes) -> bytes:
        self.writer.write(text)
        return await self.reader.readexactly(len(text))


async def test_a_relay_passes_everything_in_its_order_and_the_end_of_it(relay: Relay) -> None:
    line = await Connected.to(relay)
    long = bytes(range(256)) * 2_000
    assert await line.echoed(long) == long
    line.writer.write_eof()
    assert await line.reader.read() == b""
    line.writer.close()


async def test_a_slow_relay_makes_each_answer_late(relay: Relay) -> None:
    line = await Connected.to(relay)
    await relay.turn("slow")
    began = asyncio.get_running_loop().time()
    await line.echoed(b"one")
    assert asyncio.get_running_loop().time() - began >= LATE * 0.99
    line.writer.close()


async def test_one_that_is_gone_breaks_connections_and_refuses_new_ones_until_it_is_back(relay: Relay) -> None:
    line = await Connected.to(relay)
    await line.echoed(b"one")
    await relay.turn("gone")
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await line.echoed(b"two")
    with pytest.raises(ConnectionRefusedError):
        await Connected.to(relay)
    await relay.turn("passes")
    again = await Connected.to(relay)
    assert await again.echoed(b"three") == b"three"
    again.writer.close()
    line.writer.close()


async def test_what_is_sent_over_a_cut_network_arrives_once_it_is_whole(relay: Relay) -> None:
    line = await Connected.to(relay)
    await line.echoed(b"one")
    await relay.turn("cut")
    late = await Connected.to(relay)
    answers = [asyncio.create_task(one.echoed(b"two")) for one in (line, late)]
    done, _ = await asyncio.wait(answers, timeout=0.2)
    assert not done
    await relay.turn("passes")
    assert await asyncio.gather(*answers) == [b"two", b"two"]
    line.writer.close()
    late.writer.close()


async def test_a_relay_takes_the_place_of_the_server_in_a_url_and_of_nothing_else() -> None:
    relay, url = await relayed("postgresql://ann:p%40ss@127.0.0.1:5433/app?sslmode=disable", default_port=5432)
    assert url == f"postgresql://ann:p%40ss@127.0.0.1:{relay.port}/app?sslmode=disable"
    await relay.close()
    with pytest.raises(Unmeasured, match="one server"):
        await relayed("redis+cluster://127.0.0.1:1,127.0.0.1:2", default_port=6379)
    for checked in ("rediss://127.0.0.1/0", "postgresql://db.example/app?sslmode=verify-full"):
        with pytest.raises(Unmeasured, match="certificate"):
            await relayed(checked, default_port=1)


async def test_a_database_whose_lock_is_held_can_be_read_and_not_written(tmp_path: Path) -> None:
    path = tmp_path / "app.db"
    with sqlite3.connect(path, timeout=0.05, isolation_level=None) as other:
        other.execute("PRAGMA journal_mode = WAL")
        other.execute("CREATE TABLE t (x)")
        broken = await site("sqlite", f"sqlite:///{path}")
        await broken.fails("slow")
        assert other.execute("SELECT count(*) FROM t").fetchone() == (0,)
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("INSERT INTO t VALUES (1)")
        await broken.heals()
        other.execute("INSERT INTO t VALUES (1)")
    other.close()


@pytest.mark.parametrize("sign", ["#", "?", "%2e", "%41"])
async def test_what_is_broken_is_the_file_that_is_measured_and_none_whose_name_begins_like_it(
    sign: str, tmp_path: Path
) -> None:
    measured = tmp_path / f"app.db{sign}lab"
    others = [tmp_path / "app.db", tmp_path / "app.db.lab", tmp_path / "app.dbAlab"]
    for file in (measured, *others):
        file.touch()
    broken = File(f"sqlite:///{measured}")
    await broken.fails("gone")
    assert not measured.exists()
    assert all(file.exists() for file in others)
    await broken.heals()
    assert measured.exists()


def kinds(folder: Path) -> set[str]:
    return {file.name.partition(".")[2] for file in folder.iterdir()}


async def test_a_database_that_was_gone_comes_back_with_all_of_it_and_what_was_made_meanwhile_does_not_stay(
    tmp_path: Path,
) -> None:
    path = tmp_path / "app.db"
    (tmp_path / "app.db2").write_text("another")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("PRAGMA journal_mode = WAL")
    other.execute("CREATE TABLE t (x)")
    broken = File(f"sqlite:///{path}")
    await broken.fails("gone")
    assert not path.exists()
    impostor = sqlite3.connect(path, isolation_level=None)
    impostor.execute("CREATE TABLE u (x)")
    impostor.close()
    (tmp_path / "app.db-journal").touch()
    await broken.close()
    with sqlite3.connect(path) as again:
        assert again.execute("SELECT name FROM sqlite_master").fetchall() == [("t",)]
    again.close()
    other.close()
    assert kinds(tmp_path) <= {"db", "db2", "db-wal", "db-shm"}
