"""Two hundred sign-ins at once: they are all answered in bounded memory, and nobody beside them waits for their hashing."""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from server.fleet import WORKERS, Connection, Fleet, beside, signed_in

FLOOD = 200


def rss(pids: set[int]) -> int:
    """KiB of memory that ``pids`` have."""
    pages = sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in pids)
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024


def answered(flood: list[Connection]) -> tuple[Counter[int], float]:
    """How they were answered, and when the last was."""
    found = Counter(connection.receive()[0] for connection in flood)
    return found, time.perf_counter()


async def test_two_hundred_sign_ins_hold_up_nobody_and_take_bounded_memory(
    fleet: Fleet, record_property: Callable[[str, str], None]
) -> None:
    workers = fleet.workers()
    async with beside(fleet) as auth:
        cookie, session = await signed_in(auth)
        token = await auth.tokens.access(session)
    asked = {
        "/healthz": ("/healthz", {}),
        "by cookie": ("/api/me", {"Cookie": cookie}),
        "by token": ("/api/me", {"Authorization": f"Bearer {token}"}),
    }
    waited: dict[str, list[float]] = {name: [] for name in asked}
    before = most = rss(workers)
    flood = [fleet.connect() for _ in range(FLOOD)]
    others = fleet.one_to_each()
    with ThreadPoolExecutor(1) as threads:
        began = time.perf_counter()
        for number, connection in enumerate(flood):
            body = {"email": f"nobody{number}@example.com", "password": "does not matter, is hashed"}
            connection.send("POST", "/api/sign-in", body)
        over = threads.submit(answered, flood)
        calm = threading.Event()
        while not over.done():
            for name, (path, headers) in asked.items():
                for connection in others.values():
                    sent = time.perf_counter()
                    assert connection.ask("GET", path, None, **headers)[0] == 200
                    waited[name].append(time.perf_counter() - sent)
            most = max(most, rss(workers))
            calm.wait(0.01)
    found, ended = over.result()
    # A worker that came by most of them puts off those that find its queue full.
    assert found.keys() <= {401, 429}
    # Two threads of 19 MiB in each worker, and what 200 connections need.
    assert most - before < WORKERS * 2 * 20_000 + 40_000
    figures = []
    for name, row in waited.items():
        row.sort()
        p50, p99 = (row[int(len(row) * part)] for part in (0.5, 0.99))
        # Whoever had to wait for the hashing would wait for a good part of all of it.
        assert p50 < (ended - began) / 10, f"{name} waits for those who sign in"
        figures.append(f"{name} p50 {p50 * 1e3:.1f}, p99 {p99 * 1e3:.1f} ms")
    record_property(
        "note",
        f"{found[401]} sign-ins hashed, {found[429]} put off, in {ended - began:.1f} s; beside them "
        f"{', '.join(figures)}; memory + {(most - before) / 1024:.0f} MiB",
    )
