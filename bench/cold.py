"""A verifier that starts with a million revocations to learn, and a thousand that follow one authority.

The followers are simulated: each is a connection that asks, waits half a second for news, and asks again, as a verifier
with the default bound does. Processor time is that of the authority's process alone.
"""

from __future__ import annotations

import asyncio
import itertools
import multiprocessing
import os
import re
import secrets
import tempfile
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from urllib.parse import urlencode

import msgspec

from admit import Authority, Verifier
from admit.core import log
from admit.core.log import Ended
from admit.core.principal import Ends
from admit.core.store import REVOCATIONS, Append, Change
from admit.stores.sqlite import SqliteStore
from revocation import SECRET, served
from table import Figure, Row, arguments, report

LIVE = 1_000_000
FOLLOWERS = 1_000
WAIT = 0.5
"""Seconds that a follower with the default bound waits for news."""

PAGE = 1_000
IDLE, BUSY, BREATH = 10.0, 10, 0.5
"""Seconds measured while nothing happens; revocations measured, and seconds between two of them."""

GIVEN_UP = 2.0
"""Seconds after which a follower that does not know of a revocation is not waited for: its lease has run out."""

TICKS = os.sysconf("SC_CLK_TCK")


def processor(pid: int) -> float:
    """Seconds of processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def memory(pid: int | str, what: str = "VmRSS") -> float:
    """Megabytes of a process: now (``VmRSS``) or at most (``VmHWM``)."""
    lines = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return int(lines[what].split()[0]) / 1024


async def fill(url: str, live: int) -> None:
    """A log of ``live`` sessions that ended a moment ago."""
    store = SqliteStore(url.removeprefix("sqlite:///"))
    await store.open()
    gone = time.time() + 3_600
    for _ in range(live // PAGE):
        entries: list[Change] = [
            Append(REVOCATIONS, log.encode(Ended(Ends.SESSION, secrets.token_urlsafe(17)[:22])), gone, "a")
            for _ in range(PAGE)
        ]
        await store.commit(*entries)
    await store.close()


def cold(pipe: Connection, issuer: str, key: str) -> None:
    """A process that starts a verifier, and tells how long that took and what it needs."""
    verifier = Verifier(issuer, audience=issuer, key=key)
    began = time.monotonic()
    verifier.open(120)
    taken, used = time.monotonic() - began, time.process_time()
    pipe.send((taken, memory("self"), memory("self", "VmHWM"), used, verifier.status().entries))
    verifier.close()


async def starts(folder: Path, slices: int, live: int) -> list[Row]:
    """Verifiers that start one after another."""
    store = f"sqlite:///{folder}/admit.db"
    with served(store):
        pass  # a new authority has made its store, and is gone
    await fill(store, live)
    found: list[tuple[float, float, float, float, int]] = []
    with served(store) as (issuer, pid):
        auth = Authority(store, issuer=issuer, secret=SECRET)
        key = await auth.verifiers.create("bench", issuer)
        before, used = memory(pid), processor(pid)
        for _ in range(slices):
            ours, theirs = multiprocessing.get_context("forkserver").Pipe()
            process = multiprocessing.get_context("forkserver").Process(target=cold, args=(theirs, issuer, key))
            process.start()
            found.append(await asyncio.to_thread(ours.recv))
            process.join()
        after, used = memory(pid, "VmHWM"), (processor(pid) - used) / slices
        await auth.close()
    assert min(entries for *_, entries in found) >= live // PAGE * PAGE
    return [
        Row(f"cold start with {live:,} entries", Figure.of([one[0] for one in found]), "s", bar=5),
        Row("the verifier's memory after it", Figure.of([one[1] for one in found]), "MB", bar=250),
        Row("… at most", Figure.of([one[2] for one in found]), "MB", bar=250),
        Row("the verifier's processor time", Figure.of([one[3] for one in found]), "s"),
        _plain("the authority's processor time", used, "s"),
        _plain("the authority's memory, by what it holds itself", before, "MB"),
        _plain("… more while it streams, at most", after - before, "MB"),
    ]


class Follower:
    """A connection that follows the log."""

    def __init__(self, issuer: str, key: str) -> None:
        self._port = int(issuer.rpartition(":")[2])
        self._head = f"Host: 127.0.0.1:{self._port}\r\nAuthorization: Bearer {key}\r\n\r\n"
        self.cursor = ""
        self.answers = self.late = 0

    async def follow(self) -> None:
        """Ask for ever."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        for turn in itertools.count():
            query = {"wait": f"{WAIT:g}", "probe": str(turn)} | ({"after": self.cursor} if self.cursor else {})
            sent = time.monotonic()
            writer.write(f"GET /revocations?{urlencode(query)} HTTP/1.1\r\n{self._head}".encode())
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200"), head
            body = b""
            if length := re.search(rb"content-length: (\d+)", head):
                body = await reader.readexactly(int(length[1]))
            while not length and (size := int(await reader.readuntil(b"\r\n"), 16)):
                body += (await reader.readexactly(size + 2))[:-2]
            if not length:
                await reader.readexactly(2)
            self.cursor = msgspec.json.decode(body.splitlines()[-1])["cursor"]
            self.answers += 1
            self.late += time.monotonic() - sent > 2 * WAIT  # a verifier would have given this question up


async def crowd(folder: Path, followers: int, idle: float) -> list[Row]:
    """Followers by the hundred, at rest and while things are revoked."""
    store = f"sqlite:///{folder}/admit.db"
    with served(store, connections=followers + 100) as (issuer, pid):
        auth = Authority(store, issuer=issuer, secret=SECRET)
        key = await auth.verifiers.create("bench", issuer)
        all_of_them = [Follower(issuer, key) for _ in range(followers)]
        tasks: list[asyncio.Task[None]] = []
        for one in all_of_them:
            tasks.append(asyncio.create_task(one.follow()))
            await asyncio.sleep(2 * WAIT / followers)
        patience = time.monotonic() + 10 * GIVEN_UP
        while not all(one.answers for one in all_of_them) and time.monotonic() < patience:
            await asyncio.sleep(WAIT)
            _still_there(tasks)
        await asyncio.sleep(2 * WAIT)
        answered = sum(one.answers > 0 for one in all_of_them)
        for one in all_of_them:
            one.answers = one.late = 0
        used, began = processor(pid), time.monotonic()
        await asyncio.sleep(idle)
        at_rest = (processor(pid) - used) / (time.monotonic() - began)
        answers, late = sum(one.answers for one in all_of_them), sum(one.late for one in all_of_them)
        each, reached = 0.0, list[float]()
        for _ in range(BUSY):
            before = await auth.subjects.before(secrets.token_hex(8))
            session = (await auth.sessions.start(before.proven("pwd"))).session
            known, used = {id(one): one.cursor for one in all_of_them}, processor(pid)
            await auth.revoke(session)
            revoked = time.monotonic()
            while any(one.cursor == known[id(one)] for one in all_of_them) and time.monotonic() < revoked + GIVEN_UP:
                await asyncio.sleep(0.002)
                _still_there(tasks)
            each += (processor(pid) - used) / BUSY
            reached.append((time.monotonic() - revoked) * 1e3)
            await asyncio.sleep(BREATH)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        peak = memory(pid, "VmHWM")
        await auth.close()
    return [
        _plain(f"{followers:,} followers at rest: processor time of the authority", at_rest * 1e3, "ms/s"),
        _plain("… for each question", at_rest * idle / max(1, answers) * 1e6, "µs"),
        _plain("… questions that a verifier would have given up", late / max(1, answers) * 100, "%"),
        _plain("… that are connected, and were answered", answered, ""),
        _plain(f"{followers:,} followers: processor time until all know of a revocation", each * 1e3, "ms"),
        Row("… until all of them know", Figure.of(reached), "ms"),
        _plain("… memory of the authority, at most", peak, "MB"),
    ]


def _still_there(tasks: Sequence[asyncio.Task[None]]) -> None:
    """Raises what a follower failed with."""
    for task in tasks:
        if task.done():
            task.result()


def _plain(case: str, value: float, unit: str) -> Row:
    return Row(case, Figure(value, value, value), unit)


def main() -> None:
    """Measure both, each on a store of its own."""
    options = arguments(__doc__)
    live, followers, idle = (50_000, 100, 2.0) if options.quick else (LIVE, FOLLOWERS, IDLE)
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        rows += asyncio.run(starts(Path(folder), min(3, options.slices), live))
    with tempfile.TemporaryDirectory() as folder:
        rows += asyncio.run(crowd(Path(folder), followers, idle))
    report("cold", rows, options)


if __name__ == "__main__":
    main()
