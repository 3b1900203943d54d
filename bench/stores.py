"""What each store takes for what is asked of it, alone and by many at once, and whether a million sessions change that.

Everything goes through the services that are used, on engines as durable as in use: each commit is on disk before it
counts. Databases of all sizes are open together and asked in turns, so that what slows the machine slows all of them.
"""

from __future__ import annotations

import asyncio
import itertools
import re
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import asyncpg

from admit.core.store import Store
from admit.stores import open_store
from busy import ACTS, READS, TASKS, Busy
from databases import postgresql, redis
from environment import prepared
from filled import fill, fill_api_keys, fill_audit
from table import Figure, Row, arguments, report

SIZES = (1_000, 100_000, 1_000_000)
QUICK = (1_000, 10_000)

FLAT = 1.5
"""How many times as long the most sessions may take as the fewest."""

JUDGED = 99_999
"""Sessions at which the bytes of one are held to the bar: among fewer, what a Redis takes once weighs more."""

REHASHED = 10.0
"""Seconds after which Redis has let go of the tables that it has outgrown: not while it writes its file anew."""


@dataclass
class Filled:
    """A store with so many sessions in it."""

    size: int
    busy: Busy
    bytes_each: float | None = None


@contextmanager
def stores(sizes: Sequence[int], runner: asyncio.Runner) -> Iterator[Mapping[str, list[Filled]]]:
    """Every kind of store in every size, open."""
    with ExitStack() as held:
        folder = Path(held.enter_context(tempfile.TemporaryDirectory()))
        found: dict[str, list[Filled]] = {}
        server = held.enter_context(postgresql())
        for size in sizes:
            file, url, port = (
                folder / f"{size}.db",
                runner.run(_database(server, f"s{size}")),
                held.enter_context(redis()),
            )
            urls = {
                "memory": "memory://",
                "SQLite": f"sqlite:///{file}",
                "PostgreSQL": url,
                "Redis": _url(port),
            }
            made = {name: _filled(runner, name, to, size) for name, to in urls.items()}
            made["SQLite"].bytes_each = _written(file) / size
            made["PostgreSQL"].bytes_each = runner.run(_settled(url)) / size
            for name, one in made.items():
                found.setdefault(name, []).append(one)
        yield found
        for filled in (one for each in found.values() for one in each):
            runner.run(filled.busy.close())


def _filled(runner: asyncio.Runner, name: str, url: str, size: int) -> Filled:
    store, began = open_store(url), time.perf_counter()
    runner.run(fill(store, size))
    _say(f"{name}: {size:,} sessions put in, {time.perf_counter() - began:.0f} s")
    return Filled(size, Busy(store))


def _say(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


def _written(file: Path) -> int:
    """The bytes of the database once all is in its file, which SQLite sees to from time to time."""
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return file.stat().st_size


async def _database(server: str, name: str) -> str:
    connection = await asyncpg.connect(server)
    await connection.execute(f"CREATE DATABASE {name}")
    await connection.close()
    return server.removesuffix("postgres") + name


async def _settled(url: str) -> int:
    """Have what was put in looked through, as PostgreSQL does by itself a while later; the bytes of the database."""
    connection = await asyncpg.connect(url)
    await connection.execute("VACUUM ANALYZE")
    size: int = await connection.fetchval("SELECT pg_database_size(current_database())")
    empty: int = await connection.fetchval("SELECT pg_database_size('template1')")
    await connection.close()
    return size - empty


def measured(filled: Mapping[str, list[Filled]], runner: asyncio.Runner, slices: int, seconds: float) -> list[Row]:
    """Every act in every store, in turns."""
    rates: dict[tuple[str, int, str, int], list[float]] = {}
    for turn in range(slices):
        _say(f"slice {turn + 1} of {slices}")
        for act in (*READS, *ACTS):
            for name, tasks in itertools.product(filled, (1, TASKS)):
                # What is compared comes right after one another, and each slice begins with another.
                sizes = filled[name]
                first = turn % len(sizes)
                for one in sizes[first:] + sizes[:first]:
                    rate = runner.run(one.busy.rate(act, seconds, tasks))
                    rates.setdefault((name, one.size, act, tasks), []).append(rate)
    rows: list[Row] = []
    for name, sizes in filled.items():
        for act in (*READS, *ACTS):
            for one in sizes:
                alone, many = (rates[name, one.size, act, tasks] for tasks in (1, TASKS))
                rows.append(Row(f"{name}, {one.size:,}: {act}, one", Figure.of([1e6 / rate for rate in alone]), "µs"))
                rows.append(
                    Row(f"{name}, {one.size:,}: {act}, {TASKS} at once", Figure.of(many), "/s", direction="min")
                )
            few, most = rates[name, sizes[0].size, act, 1], rates[name, sizes[-1].size, act, 1]
            ratio = Figure.of([one / other for one, other in zip(few, most, strict=True)])
            rows.append(Row(f"{name}: {act}, {sizes[-1].size:,} / {sizes[0].size:,}", ratio, "×", bar=FLAT))
        rows += [
            Row(f"{name}, {one.size:,}: bytes of a session, all in all", Figure.of([one.bytes_each]), "B")
            for one in sizes
            if one.bytes_each is not None
        ]
    return rows


def _memory(port: int) -> int:
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(b"INFO memory\r\n")
        found = re.search(rb"used_memory:(\d+)", connection.recv(65_536))
        if found is None:
            raise RuntimeError("Redis does not say how much memory it uses")
        return int(found[1])


def kept(number: int, runner: asyncio.Runner) -> list[Row]:
    """What a session takes in Redis, all in all: ours with an index, and those of peers, who have none.

    Subjects are accounts of ours, named by 22 letters, as users are who are named by a random id of 128 bits; each has
    three sessions. A family has been refreshed, so it keeps two digests.
    """

    def ours(port: int, *, refreshed: bool) -> None:
        runner.run(fill(open_store(_url(port)), number, refreshed=refreshed))

    def beside(put: Callable[[Store, int], Coroutine[None, None, None]], port: int) -> None:
        runner.run(put(open_store(_url(port)), number))

    rows: list[Row] = []
    cases: dict[str, tuple[float | None, Callable[[int], None]]] = {
        "Admit, cookie only, with an index by user": (330, partial(ours, refreshed=False)),
        "Admit, with a refresh family, with an index by user": (400, partial(ours, refreshed=True)),
        "an entry of the audit log instead, with its indexes": (None, lambda port: beside(fill_audit, port)),
        "an API key instead, with an index by owner": (None, lambda port: beside(fill_api_keys, port)),
    }
    if (python := prepared()) is not None:
        for peer in ("django", "starsessions"):
            command = [python, Path(__file__).with_name("kept.py"), peer]
            cases[f"{peer}, which has no index by user"] = None, partial(_fill_by, command, number)
    for case, (bar, put_in) in cases.items():
        with redis("--appendonly", "yes", "--appendfsync", "no", "--auto-aof-rewrite-percentage", "0") as port:
            before = _memory(port)
            put_in(port)
            time.sleep(REHASHED)
            each = (_memory(port) - before) / number
        _say(f"{case}: {each:.0f} bytes")
        rows.append(
            Row(
                f"bytes of a session in Redis, {number:,}: {case}",
                Figure(each, each, each),
                "B",
                bar if number >= JUDGED else None,
            )
        )
    return rows


def _url(port: int) -> str:
    return f"redis://127.0.0.1:{port}"


def _fill_by(command: list[Path | str], number: int, port: int) -> None:
    subprocess.run([*map(str, command), str(port), str(number)], check=True)


def main() -> None:
    """Fill, then ask."""
    options = arguments(__doc__)
    with asyncio.Runner() as runner:
        rows = kept(9_999 if options.quick else JUDGED, runner)
        with stores(QUICK if options.quick else SIZES, runner) as filled:
            report("stores", [*measured(filled, runner, options.slices, options.seconds * 2), *rows], options)


if __name__ == "__main__":
    main()
