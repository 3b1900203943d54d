"""A standby takes over that has not heard of everything: servers that had, notice, and let nobody in by it (OPS-02)."""

from __future__ import annotations

import pytest

from admit.errors import Denied, LostHistory
from postgres import Engine, postgres
from postgresql.test_failures import BOUND, IMPATIENT, until
from processes.acts import EVERY, SECRET, accepted, act, authority, sign_in, sign_up
from processes.runs import NO_ANSWER


async def has_heard_all(primary: Engine, standby: Engine) -> bool:
    return primary.run("SELECT pg_current_wal_lsn()") == standby.run("SELECT pg_last_wal_replay_lsn()")


async def is_alone(primary: Engine) -> bool:
    return primary.run("SELECT count(*) FROM pg_stat_replication") == "0"


async def test_a_failover_that_undid_an_end_is_noticed_and_lets_nobody_back_in() -> None:
    with postgres() as primary:
        database = primary.database()
        with primary.standby() as standby:
            hosts = f"127.0.0.1:{primary.port},127.0.0.1:{standby.port}"
            url = f"{database.replace(f'127.0.0.1:{primary.port}', hosts)}?{IMPATIENT}"
            async with authority(url, secret=SECRET, max_staleness=BOUND) as auth:
                await sign_up(auth)
                ended, held = await sign_in(auth), await sign_in(auth)
                for one in (ended, held):
                    for request in one.requests().values():
                        await auth.admit(request)
                await until(lambda: has_heard_all(primary, standby))
                standby.set(primary_conninfo="")
                await until(lambda: is_alone(primary))
                await auth.revoke(ended.session)
                await auth.check()
                primary.kill()
                standby.run("SELECT pg_promote()")

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
            async with authority(url, secret=SECRET) as auth:
                assert await accepted(auth, ended) != [], "the standby knew of no end: else nothing was shown"
            restoring = authority(url, secret=SECRET)
            await restoring.restore()
            await restoring.close()
            async with authority(url, secret=SECRET) as auth:
                assert await accepted(auth, ended) == await accepted(auth, held) == []
                assert await accepted(auth, await sign_in(auth)) == EVERY
