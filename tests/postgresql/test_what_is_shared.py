"""An authority on PostgreSQL whose connections, threads and reads many share: callers, event loops, what fell silent."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from admit.authority import Authority
from admit.errors import AdmitError, Stale, StoreUnavailable
from admit.stores import open_store
from admit.system import SystemClock
from postgres import Engine
from worlds import authority, with_token

BOUND = 30.0
AT_ONCE = 20
PATIENCE = 60.0


def served(url: str, **settings: Any) -> Authority:
    return authority(url, SystemClock(), **{"max_staleness": BOUND} | settings)


async def signed_in(auth: Authority) -> str:
    """An access token."""
    started = await auth.sessions.start((await auth.subjects.before("ann")).proven("pwd"))
    return await auth.tokens.access(started.session)


def connections(engine: Engine, url: str) -> list[int]:
    """The processes that serve the connections to a database."""
    name = url.rpartition("/")[2].partition("?")[0]
    asked = f"SELECT pid FROM pg_stat_activity WHERE datname = '{name}' AND pid <> pg_backend_pid()"
    return [int(pid) for pid in engine.run(asked).split()]


def following() -> int:
    return sum(thread.name == "admit-follow" for thread in threading.enumerate())


async def test_of_many_who_use_it_first_one_opens_it(engine: Engine) -> None:
    url, before = engine.database(), following()
    async with served(url) as auth:
        token = await signed_in(auth)
    async with served(url) as auth:
        auth_first = served(url)
        try:
            who = await asyncio.gather(*(auth_first.admit(with_token(token)) for _ in range(AT_ONCE)))
            assert {one.subject for one in who} == {"ann"}
            assert following() == before + 2
        finally:
            await auth_first.close()
    assert following() == before


async def test_who_does_not_get_to_start_follows_no_longer(engine: Engine) -> None:
    url, before = engine.database(), following()
    async with served(url):
        pass
    with pytest.raises(AdmitError, match="secret"):
        await served(url, secret=secrets.token_bytes(32)).open()
    assert following() == before


LOOPS = """
import asyncio, sys
from postgresql.test_what_is_shared import served, signed_in, with_token
auth = served(sys.argv[1])
token = asyncio.run(signed_in(auth))
print(asyncio.run(auth.admit(with_token(token))).subject)
asyncio.run(signed_in(auth))
asyncio.run(auth.close())
"""


def test_it_goes_on_in_another_event_loop_when_the_first_has_ended(engine: Engine) -> None:
    # In a process of its own: the connections of a loop that has ended are nobody's, and are complained of when collected.
    done = subprocess.run(
        [sys.executable, "-c", LOOPS, engine.database()],
        capture_output=True, text=True, timeout=PATIENCE, cwd=Path(__file__).parents[1], check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "ann\n"), done.stderr


async def test_a_receipt_counts_with_a_larger_bound_that_nobody_here_has_read_of(engine: Engine) -> None:
    url = engine.database()
    async with served(url, max_staleness=2.0) as before:
        assert before._leased is not None
        await asyncio.to_thread(before._leased.stop)
        async with served(url, max_staleness=6.0):
            receipt = await before.everywhere()
            assert receipt.effective_by > before.clock.now() + 5.0
            assert before.max_staleness == 6.0


async def test_those_who_wait_for_one_read_of_the_log_share_what_became_of_it(engine: Engine) -> None:
    url = engine.database()
    async with served(url) as auth:
        token, leased = await signed_in(auth), auth._leased
        assert leased is not None
        await asyncio.to_thread(leased.stop)
        reads: list[None] = []
        inner = leased._store.log
        fails = False

        async def log(*given: Any, **how: Any) -> Any:
            reads.append(None)
            await asyncio.sleep(0.05)
            if fails:
                raise StoreUnavailable("no answer")
            return await inner(*given, **how)

        leased._store.log = log  # type: ignore[method-assign]
        for fails in (False, True):
            reads.clear()
            leased._lease.lose()
            found = await asyncio.gather(
                *(auth.admit(with_token(token)) for _ in range(AT_ONCE)), return_exceptions=True
            )
            assert len(reads) <= 2
            assert all(isinstance(one, Stale | StoreUnavailable) == fails for one in found)


async def test_connections_that_fall_silent_are_given_up_together(engine: Engine) -> None:
    url = engine.database()
    store = open_store(f"{url}?statement_timeout=1&connect_timeout=1&connections=4")
    await store.open()
    await asyncio.gather(*(store.count(f"key {number}", 60, 1_000.0) for number in range(8)))
    silent = connections(engine, url)
    for pid in silent:
        os.kill(pid, signal.SIGSTOP)
    try:
        loop = asyncio.get_running_loop()
        began, failed = loop.time(), 0
        while True:
            try:
                await store.get(("session", "0a"))
                break
            except AdmitError:
                failed += 1
        assert failed <= 2, f"{failed} of {len(silent)} one after the other, in {loop.time() - began:.1f} s"
    finally:
        for pid in silent:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
        await store.close()


@pytest.mark.parametrize("restart", [False, True], ids=["closed", "closed and used again"])
async def test_who_verifies_after_the_close_starts_nothing(engine: Engine, restart: bool) -> None:
    before = following()
    auth = served(engine.database(), max_staleness=0.1)
    token = await signed_in(auth)
    await auth.close()
    await asyncio.sleep(0.15)
    with pytest.raises(Stale):
        auth.verify(token)
    assert following() == before
    if restart:
        assert (await auth.admit(with_token(token))).subject == "ann"
        await auth.close()
        assert following() == before
