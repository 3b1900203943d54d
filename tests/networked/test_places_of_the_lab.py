"""What the lab makes in stores that other people use, and that it leaves them as they were."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import asyncpg
import pytest
from redis import Redis

import postgres
import redises
from admit.errors import ConfigError
from admit.lab.exports import from_json
from admit.lab.ground_postgresql import FORGOTTEN, MARK
from admit.lab.ground_redis import MARK as MARKED
from admit.lab.grounds import grounds
from commands import admit
from engines import shared


@pytest.fixture
def database() -> postgres.Engine:
    found = shared("postgresql")
    assert isinstance(found, postgres.Engine)
    return found


@pytest.fixture
def redis() -> Iterator[redises.Engine]:
    """A Redis of which nobody else has taken a number."""
    with redises.redis() as server:
        yield server


def databases(engine: postgres.Engine) -> set[str]:
    return set(engine.run("SELECT datname FROM pg_database WHERE datname LIKE 'admit_lab%'").split())


async def test_in_postgresql_it_makes_databases_and_drops_them(database: postgres.Engine, tmp_path: Path) -> None:
    before = databases(database)
    async with grounds([database.url("postgres")], tmp_path) as found:
        first, second = await found[-1].another(), await found[-1].another()
        names = {url.rpartition("/")[2] for url in (first, second)}
        assert databases(database) - before == names
        third = await found[-1].fresh()
        assert databases(database) - before == {third.rpartition("/")[2]}
        assert "postgres@" not in found[-1].at
    assert databases(database) == before


async def test_databases_of_a_run_that_was_killed_are_dropped_by_the_next_unless_they_are_in_use(
    database: postgres.Engine, tmp_path: Path
) -> None:
    before = databases(database)
    long_ago = int(time.time()) - FORGOTTEN - 60
    left, used, young = (
        f"admit_lab_{at:08x}_0000000{number}" for number, at in enumerate((long_ago, long_ago, time.time_ns() // 10**9))
    )
    for name in (left, used, young):
        database.run(f"CREATE DATABASE {name}")
    connected = await asyncpg.connect(database.url(used))
    try:
        async with grounds([database.url("postgres")], tmp_path):
            assert databases(database) - before == {used, young}
    finally:
        connected.terminate()
        for name in (used, young):
            database.run(f"DROP DATABASE {name} WITH (FORCE)")


async def test_who_may_make_no_database_has_to_name_an_empty_one(database: postgres.Engine, tmp_path: Path) -> None:
    url = database.database()
    name = url.rpartition("/")[2]
    database.run(f"CREATE ROLE {name}_user LOGIN; ALTER DATABASE {name} OWNER TO {name}_user")
    theirs = url.replace("postgres@", f"{name}_user@")
    async with grounds([theirs], tmp_path) as found:
        assert await found[-1].fresh() == theirs
        assert database.run(f"SELECT count(*) FROM pg_namespace WHERE nspname = '{MARK}'", name) == "1"
        with pytest.raises(ConfigError, match="Another run"):
            async with grounds([theirs], tmp_path):
                raise AssertionError("it was taken from another run")
    database.run(f"CREATE SCHEMA {MARK}; CREATE SCHEMA admit_lab", name)  # as a run leaves it that was killed
    database.run(f"ALTER SCHEMA {MARK} OWNER TO {name}_user; ALTER SCHEMA admit_lab OWNER TO {name}_user", name)
    async with grounds([theirs], tmp_path):
        pass
    assert database.run("SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'admit%'", name) == "0"
    database.run("CREATE SCHEMA admit", name)
    with pytest.raises(ConfigError, match="not the lab's"):
        async with grounds([theirs], tmp_path):
            raise AssertionError("it was taken")
    database.run("DROP SCHEMA admit; CREATE TABLE invoices (id int)", name)
    with pytest.raises(ConfigError, match="not the lab's"):
        async with grounds([theirs], tmp_path):
            raise AssertionError("it was taken")
    assert database.run("SELECT count(*) FROM invoices", name) == "0"


async def test_in_redis_it_takes_an_empty_number_and_leaves_it_empty(redis: redises.Engine, tmp_path: Path) -> None:
    url = f"redis://127.0.0.1:{redis.port}"
    async with grounds([url], tmp_path) as found:
        number = int((await found[-1].fresh()).rpartition("/")[2])
        assert number > 0
        client = Redis(port=redis.port, db=number)
        client.set("lab:session:1", "1")
        client.set("{a}s:1", "1")
        assert await found[-1].another() == f"{url}/{number}"
        await found[-1].fresh()
        assert client.keys() == [MARKED.encode()]
    assert client.dbsize() == 0
    client.close()


async def test_what_somebody_else_puts_into_its_number_of_redis_meanwhile_stays(
    redis: redises.Engine, tmp_path: Path
) -> None:
    url = redis.database()
    with Redis.from_url(url) as client:
        async with grounds([url], tmp_path) as found:
            client.set("cart:7", "socks")
            client.set("lab:session:1", "1")
            await found[-1].fresh()
            assert set(client.keys()) == {MARKED.encode(), b"cart:7"}
        assert client.keys() == [b"cart:7"]


async def test_two_runs_have_different_numbers_of_a_redis(redis: redises.Engine, tmp_path: Path) -> None:
    url = f"redis://127.0.0.1:{redis.port}"
    async with grounds([url], tmp_path) as first:
        taken = await first[-1].another()
        async with grounds([url], tmp_path) as second:
            assert await second[-1].another() != taken
        with pytest.raises(ConfigError, match="another run"):
            async with grounds([taken], tmp_path):
                raise AssertionError("it was taken from another run")


async def test_a_number_of_redis_that_a_run_left_behind_is_taken_again(redis: redises.Engine, tmp_path: Path) -> None:
    url = redis.database()
    with Redis.from_url(url) as client:
        client.set(MARKED, "1")
        client.set("lab:session:1", "1")
    async with grounds([url], tmp_path):
        pass
    with Redis.from_url(url) as client:
        assert client.dbsize() == 0


async def test_a_number_of_redis_that_holds_something_is_refused_and_kept(
    redis: redises.Engine, tmp_path: Path
) -> None:
    url = redis.database()
    with Redis.from_url(url) as client:
        client.set("cart:7", "socks")
        with pytest.raises(ConfigError, match="not the lab's"):
            async with grounds([url], tmp_path):
                raise AssertionError("it was taken")
        assert client.get("cart:7") == b"socks"
        client.delete("cart:7")


def test_stores_that_are_named_are_measured_and_left_as_they_were(
    database: postgres.Engine, redis: redises.Engine, tmp_path: Path
) -> None:
    urls = (database.url("postgres").replace("postgres@", "postgres:hunter2@"), redis.database())
    named = [word for url in urls for word in ("--store", url)]
    said = admit(
        tmp_path, "lab", "--tiny", "--only", "session", "--only", "admit-cookie", *named,
        "--json", "report.json", "--html", "report.html",
    )  # fmt: skip
    assert said.code == 0, said.err
    found = from_json((tmp_path / "report.json").read_bytes())
    lanes = {(lane.about.id, lane.store): lane for lane in found.lanes}
    assert set(lanes) == set(product(("session", "admit-cookie"), ("memory", "sqlite", "postgresql", "redis")))
    for store in ("postgresql", "redis"):
        for id, trips in (("session", 1.0), ("admit-cookie", 0.0)):
            path, kept = lanes[id, store].path, lanes[id, store].storage
            assert path, found.left_out
            assert path.round_trips == pytest.approx(trips, abs=0.01)
            assert kept
            assert kept.at_a_million > 0
    assert databases(database) == set()
    with Redis.from_url(urls[1]) as client:
        assert client.dbsize() == 0
    everything = said.out + said.err + "".join(path.read_text() for path in tmp_path.iterdir())
    assert "hunter2" not in everything
