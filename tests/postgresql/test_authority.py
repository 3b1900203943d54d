"""An authority on PostgreSQL: what it ends is over here at once, and for every other within the bound."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from admit.authority import Authority
from admit.core.lease import NEVER, Moment
from admit.errors import ConfigError, Denied, Revoked, Stale
from admit.sessions import Started
from admit.system import SystemClock
from postgres import Engine
from worlds import authority, with_cookie, with_token

PATIENCE = 60.0
BOUND = 1.0


@dataclass(frozen=True)
class Two:
    """Two authorities over one database, as in two servers."""

    url: str
    here: Authority
    there: Authority

    async def sign_in(self) -> tuple[Started, str]:
        """A session, begun here, and an access token of it."""
        started = await self.here.sessions.start((await self.here.subjects.before("ann")).proven("pwd"))
        return started, await self.here.tokens.access(started.session)


@pytest.fixture
async def two(engine: Engine) -> AsyncIterator[Two]:
    url = engine.database()
    async with (
        authority(url, SystemClock(), max_staleness=BOUND) as here,
        authority(url, SystemClock(), max_staleness=BOUND) as there,
    ):
        yield Two(url, here, there)


async def test_what_was_issued_by_one_is_admitted_by_the_other(two: Two) -> None:
    started, token = await two.sign_in()
    for auth in (two.here, two.there):
        assert (await auth.admit(with_cookie(started))).subject == "ann"
        assert (await auth.admit(with_token(token))).subject == "ann"
        assert auth.verify(token).subject == "ann"


async def test_what_was_ended_is_over_here_at_once_and_there_within_the_bound(two: Two) -> None:
    started, token = await two.sign_in()
    for auth in (two.here, two.there):
        await auth.admit(with_cookie(started))
        await auth.admit(with_token(token))
    receipt = await two.here.revoke(started.session)
    for request in (with_cookie(started), with_token(token)):
        with pytest.raises(Revoked):
            await two.here.admit(request)
    assert receipt.effective_by <= two.here.clock.now() + BOUND * 1.01
    await asyncio.sleep(receipt.effective_by - two.there.clock.now())
    for request in (with_cookie(started), with_token(token)):
        with pytest.raises(Denied):
            await two.there.admit(request)


async def test_who_keeps_something_open_learns_of_its_end_elsewhere(two: Two) -> None:
    started, _ = await two.sign_in()
    who = await two.there.admit(with_cookie(started))
    watching = asyncio.create_task(who.over())
    await two.here.revoke(started.session)
    await asyncio.wait_for(watching, PATIENCE)


async def test_who_follows_one_has_the_news_of_all(two: Two) -> None:
    started, _ = await two.sign_in()
    feed = two.there.feed()
    known = (await feed.page(None, 0)).cursor
    waiting = asyncio.create_task(feed.page(known, PATIENCE))
    await two.here.revoke(started.session)
    assert (await asyncio.wait_for(waiting, PATIENCE / 2)).entries


async def test_a_lease_that_ran_out_is_renewed_before_anybody_is_admitted(two: Two) -> None:
    started, _ = await two.sign_in()
    await two.there.admit(with_cookie(started))
    await two.here.revoke(started.session)
    # As after a stop of any length: whoever can wait has the log read before there is an answer.
    assert two.there._leased is not None
    two.there._leased._lease.lose()
    with pytest.raises(Revoked):
        await two.there.admit(with_cookie(started))
    assert Moment.of(two.there.clock).since(two.there._leased._lease.fresh_as_of) < PATIENCE


async def test_a_lease_that_has_run_out_again_at_once_is_renewed_again_and_not_for_ever(
    two: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, token = await two.sign_in()
    await two.there.admit(with_token(token))
    leased = two.there._leased
    assert leased is not None
    await asyncio.to_thread(leased.stop)
    monkeypatch.setattr(leased._follower, "start", lambda: None)

    def no_time(times: int) -> None:
        """The machine stands still after each of so many reads."""
        lost = [0]

        def lose() -> None:
            lost[0] += 1
            if lost[0] <= times:
                leased._lease.fresh_as_of = NEVER

        leased._lease.renewed[1:] = [lose]
        leased._lease.lose()

    no_time(2)
    assert (await two.there._gate.admit(token)).subject == "ann"
    no_time(1_000)
    with pytest.raises(Stale):
        await two.there._gate.admit(token)


async def test_closed_and_used_again_it_opens_again(two: Two) -> None:
    started, token = await two.sign_in()
    await two.here.close()
    assert (await two.here.admit(with_cookie(started))).subject == "ann"
    await two.here.restore()
    for request in (with_cookie(started), with_token(token)):
        with pytest.raises(Denied):
            await two.here.admit(request)


async def test_no_master_secret_is_kept_beside_what_it_seals(engine: Engine) -> None:
    with pytest.raises(ConfigError, match="master secret"):
        await authority(engine.database(), SystemClock(), secret=None).open()


async def test_a_smaller_bound_that_another_was_started_with_is_held_by_all(two: Two) -> None:
    assert two.here._leased is not None
    smaller = authority(two.url, SystemClock(), max_staleness=BOUND / 2)
    async with smaller:
        async with asyncio.timeout(PATIENCE):
            while two.here._leased.bound != BOUND / 2:  # noqa: ASYNC110 - nothing tells of it but the next read
                await asyncio.sleep(0.01)
    assert two.here.max_staleness == BOUND / 2
    assert two.here._leased._follower.bound == BOUND / 2
    async with authority(two.url, SystemClock(), max_staleness=BOUND * 2):
        started, _ = await two.sign_in()
        await two.here.revoke(started.session)
        await two.there.check()
        assert two.here._leased.bound == BOUND / 2
