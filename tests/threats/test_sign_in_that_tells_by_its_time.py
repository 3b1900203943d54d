"""The answer to a sign-in at a running server tells who has an account: by its status, body, headers, or its time (ENU-01).

Asked in turns, in an order that is drawn anew for each round: an account with a wrong password, one that is disabled, one
without a password, and nobody's. The medians are within 10 % of each other in two of three runs, at the real cost of a hash.

What is judged is the processor time of the server for each request, which others on the machine do not change; on a
machine that has nothing else to do (the large scale) also what the client waits. Both are told at the end of the run.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import random
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import chain, cycle
from pathlib import Path
from statistics import median
from typing import NamedTuple

from admit.authority import Authority
from admit.subjects import Subject
from commands import environment
from counts import SCALE, times

ISSUER = "http://127.0.0.1:8000"
PASSWORD, WRONG = "a password of some length", "another one, not shorter"
PATIENCE = 120
"""Seconds for what takes two."""

EACH = 10
"""Accounts of each kind: nobody is asked for a hundred times, which is where even this server stops."""


class Spent(NamedTuple):
    """What the client waited, and what the server worked, in seconds."""

    waited: float
    worked: float


Said = tuple[int, bytes, tuple[tuple[str, str], ...]]
MANY = {f"ADMIT_THROTTLE_{name}": "100000/60" for name in ("ACCOUNT", "SOURCE", "DEVICE")}


async def people(store: str) -> dict[str, Iterator[str]]:
    """The addresses of each kind, one after the other."""
    kinds = {
        kind: [f"{kind}{number}@example.com" for number in range(EACH)] for kind in ("wrong", "disabled", "without")
    }
    async with Authority(store, issuer=ISSUER) as auth:
        for email in kinds["wrong"]:
            await auth.accounts.create(email, PASSWORD)
        for email in kinds["disabled"]:
            await auth.subjects.change((await auth.accounts.create(email, PASSWORD)).id, Subject.disabled)
        for email in kinds["without"]:
            await auth.accounts.create(email)
    nobody = (f"nobody{number}@example.com" for number in range(10_000))
    return {kind: cycle(emails) for kind, emails in kinds.items()} | {"nobody": nobody}


@contextmanager
def served(store: str, directory: Path) -> Iterator[tuple[http.client.HTTPConnection, int]]:
    """The process, and a kept connection to a server at the cost of hashing that everybody gets."""
    command = [sys.executable, "-m", "admit.server", "serve", "--port", "0", "--issuer", ISSUER, "--store", store]
    log = directory / "log"
    with log.open("w") as out:
        process = subprocess.Popen(command, cwd=directory, env=environment(**MANY), stderr=out, stdout=out)
    try:
        until = time.monotonic() + PATIENCE
        while not (found := re.search(r"port (\d+), issuer", log.read_text())):
            assert time.monotonic() < until, log.read_text()
            assert process.poll() is None, log.read_text()
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.05)
        connection = http.client.HTTPConnection("127.0.0.1", int(found[1]), timeout=PATIENCE)
        yield connection, process.pid
        connection.close()
    finally:
        process.terminate()
        process.wait(PATIENCE)


def worked(process: int) -> float:
    """Seconds that the threads of a process have had a processor."""
    tasks = Path(f"/proc/{process}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


def ask(connection: http.client.HTTPConnection, server: int, email: str) -> tuple[Spent, Said]:
    body = json.dumps({"email": email, "password": WRONG})
    begun, before = time.perf_counter(), worked(server)
    connection.request("POST", "/api/sign-in", body, {"Content-Type": "application/json", "Host": "127.0.0.1:8000"})
    answer = connection.getresponse()
    content = answer.read()
    spent = Spent(time.perf_counter() - begun, worked(server) - before)
    # What differs in any two answers to anybody: the time, and the id under which the answer is logged.
    headers = tuple(
        (name, value) for name, value in answer.getheaders() if name.lower() not in {"date", "x-request-id"}
    )
    return spent, (answer.status, content, headers)


def test_every_refused_sign_in_is_answered_alike_and_takes_as_long(
    tmp_path: Path, chaos: random.Random, record_property: Callable[[str, object], None]
) -> None:
    store = f"sqlite:///{tmp_path}/admit.db"
    emails = asyncio.run(people(store))
    said = set[Said]()
    held = dict.fromkeys(Spent._fields, 0)
    with served(store, tmp_path) as (connection, server):
        for kind in emails:
            ask(connection, server, next(emails[kind]))
        for run in range(3):
            samples: dict[str, list[Spent]] = {kind: [] for kind in emails}
            rounds = (chaos.sample(list(emails), len(emails)) for _ in range(times("sign-ins of each kind")))
            for kind in chain.from_iterable(rounds):
                spent, answer = ask(connection, server, next(emails[kind]))
                samples[kind].append(spent)
                said.add(answer)
            for name in Spent._fields:
                medians = {kind: median(getattr(spent, name) for spent in row) for kind, row in samples.items()}
                held[name] += max(medians.values()) <= 1.1 * min(medians.values())
                figures = ", ".join(f"{kind} {seconds * 1_000:.1f}" for kind, seconds in medians.items())
                record_property("note", f"run {run + 1}, median ms {name}: {figures}")
            if held["worked"] >= 2 and (held["waited"] >= 2 or not SCALE):
                break
    assert len(said) == 1, "an answer tells what is wrong"
    assert next(iter(said))[0] == 401
    assert held["worked"] >= 2, "the server works longer for some than for others"
    assert held["waited"] >= 2 or not SCALE, "the time tells who has an account"
