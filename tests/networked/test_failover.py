"""Another server takes over that has not heard of everything: who had, notices, and lets nobody in by it (OPS-02)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

import pytest

from admit.errors import Denied, LostHistory
from postgres import postgres
from processes.acts import EVERY, SECRET, accepted, act, authority, sign_in, sign_up
from processes.runs import NO_ANSWER, until
from redises import eventually, pair

BOUND = 1.0


@dataclass(frozen=True)
class Two:
    """A server and one that repeats it, behind one URL."""

    url: str
    falls_behind: Callable[[], object]
    """The other has heard of everything, and hears of nothing from here on."""
    takes_over: Callable[[], object]


@contextmanager
def postgresql() -> Iterator[Two]:
    """A primary and its standby."""
    with postgres() as primary:
        database = primary.database()
        with primary.standby() as standby:

            def falls_behind() -> None:
                written, heard = "SELECT pg_current_wal_lsn()", "SELECT pg_last_wal_replay_lsn()"
                eventually(lambda: primary.run(written) == standby.run(heard))
                standby.set(primary_conninfo="")
                eventually(lambda: primary.run("SELECT count(*) FROM pg_stat_replication") == "0")

            def takes_over() -> None:
                primary.kill()
                standby.run("SELECT pg_promote()")

            here = f"127.0.0.1:{primary.port}"
            both = database.replace(here, f"{here},127.0.0.1:{standby.port}")
            yield Two(both + primary.IMPATIENT, falls_behind, takes_over)


@contextmanager
def redis() -> Iterator[Two]:
    """A primary and its replica, which gets its address."""
    with pair(min_replicas_to_write="0") as (primary, replica):

        def falls_behind() -> None:
            written = int(primary.says("replication")["master_repl_offset"])
            eventually(lambda: int(replica.says("replication")["slave_repl_offset"]) >= written)
            replica.run("REPLICAOF", "NO", "ONE")

        def takes_over() -> None:
            primary.kill()
            replica.moves_to(primary.port)

        yield Two(primary.url(primary.IMPATIENT), falls_behind, takes_over)


@pytest.mark.parametrize("kind", [postgresql, redis], ids=lambda kind: kind.__name__)
async def test_a_failover_that_undid_an_end_is_noticed_and_lets_nobody_back_in(
    kind: Callable[[], AbstractContextManager[Two]],
) -> None:
    with kind() as servers:
        async with authority(servers.url, secret=SECRET, max_staleness=BOUND) as auth:
            await sign_up(auth)
            ended, held = await sign_in(auth), await sign_in(auth)
            for one in (ended, held):
                for request in one.requests().values():
                    await auth.admit(request)
            await asyncio.to_thread(servers.falls_behind)
            await auth.revoke(ended.session)
            await auth.check()
            await asyncio.to_thread(servers.takes_over)

            async def notices() -> bool:
                return (await act(sign_in).outcome(auth)).error == "LostHistory"

            await until(notices)
            for one in (ended, held):
                for request in one.requests().values():
                    with pytest.raises((Denied, LostHistory)):
                        await auth.admit(request)
            for name, request in ended.requests().items():
                assert (await act(type(auth).admit, request).outcome(auth)).error in {"Revoked", *NO_ANSWER}, name
        # What an operator does: end everything, and start anew.
        async with authority(servers.url, secret=SECRET) as auth:
            assert await accepted(auth, ended) != [], "the other knew of no end: else nothing was shown"
        restoring = authority(servers.url, secret=SECRET)
        await restoring.restore()
        await restoring.close()
        async with authority(servers.url, secret=SECRET) as auth:
            assert await accepted(auth, ended) == await accepted(auth, held) == []
            assert await accepted(auth, await sign_in(auth)) == EVERY
