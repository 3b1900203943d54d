"""Somebody signs in again and again with a stolen password, and hides among sessions that nobody can count any more (SES-11).

A subject has at most as many sessions as the policy says, however many begin at once, in however many processes. Never is
a new one refused, which would lock the owner out: the one that was away longest ends, and every verifier hears of it.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from admit.core.ids import anchor
from admit.core.session_policy import SessionPolicy
from admit.errors import ConfigError, Revoked
from admit.places import PLACES, Places
from admit.sessions import Started
from admit.subjects import Subject
from admit.testing.clock import FakeClock
from worlds import KINDS, MINUTE, World, authority, with_cookie, world

FIVE = SessionPolicy(idle=30 * MINUTE, absolute=120 * MINUTE, max_sessions=5)


async def valid(here: World, subject: str = "ann") -> list[str]:
    return [session.id for session in await here.auth.sessions.of(subject)]


async def on_paper(here: World) -> int:
    [record] = await here.store.get(Places.key("ann"))
    return 0 if record is None else PLACES.decode(record).n


async def there(here: World) -> set[str]:
    return {record.id for record in (await here.store.find("session", anchor("ann"))).records}


@pytest.mark.parametrize("kind", KINDS)
async def test_fifty_sign_ins_at_once_never_are_more_than_the_limit(kind: str, tmp_path: Path) -> None:
    async with world(kind, tmp_path, sessions=FIVE) as here:
        proof, most = await here.proof(), 0

        async def sign_in() -> Started:
            nonlocal most
            started = await here.auth.sessions.start(proof)
            most = max(most, len(await valid(here)))
            return started

        begun = await asyncio.gather(*(sign_in() for _ in range(50)))
        assert most == len(await valid(here)) == 5
        works = [await here.works(with_cookie(started)) for started in begun]
        assert sum(works) == 5


async def test_two_servers_of_one_store_keep_to_one_limit(tmp_path: Path) -> None:
    clock, store = FakeClock(), f"sqlite:///{tmp_path}/admit.db"
    async with authority(store, clock, sessions=FIVE) as one, authority(store, clock, sessions=FIVE) as other:
        proof = (await one.subjects.before("ann")).proven("pwd")
        await asyncio.gather(*(auth.sessions.start(proof) for auth in (one, other) * 10))
        assert len(await one.sessions.of("ann")) == 5


@pytest.mark.parametrize("kind", KINDS)
async def test_who_was_away_longest_leaves_and_everybody_hears_of_it_in_the_same_commit(
    kind: str, tmp_path: Path
) -> None:
    async with world(kind, tmp_path, sessions=FIVE) as here:
        begun: list[Started] = []
        for _ in range(5):
            begun.append(await here.sign_in())
            here.clock.advance(1)
        first, *others = begun
        here.clock.advance(10 * MINUTE)
        assert await here.works(with_cookie(first))
        commits = here.store.asked["commit"]
        sixth = await here.sign_in()
        assert here.store.asked["commit"] == commits + 1
        assert [await here.works(with_cookie(one)) for one in (first, *others, sixth)].count(False) == 1
        assert await here.works(with_cookie(first)), "who has just been here was thrown out"
        assert not await here.works(with_cookie(others[0]))
        ended = await here.store.log("revocations", None)
        assert sum(others[0].session.id.encode() in entry for entry in ended.entries) == 1


async def test_tokens_of_who_leaves_are_refused_at_once() -> None:
    async with world("memory", sessions=SessionPolicy(idle=60, absolute=60, max_sessions=1)) as here:
        pair = await here.auth.tokens.issue((await here.sign_in(cookie=False)).session)
        await here.by_token(pair.access_token)
        await here.sign_in()
        assert not await here.refreshes(pair.refresh_token)
        with pytest.raises(Revoked):
            await here.by_token(pair.access_token)


async def test_nobody_leaves_for_sessions_that_are_over() -> None:
    async with world("memory", sessions=FIVE) as here:
        kept = await here.sign_in()
        for _ in range(4):
            await here.auth.revoke((await here.sign_in()).session)
        started = [await here.sign_in() for _ in range(4)]
        assert all([await here.works(with_cookie(one)) for one in (kept, *started)])
        await here.auth.subjects.change("ann", Subject.signed_out)
        again = [await here.sign_in() for _ in range(5)]
        assert all([await here.works(with_cookie(one)) for one in again])
        assert await there(here) == {one.session.id for one in again}
        assert await on_paper(here) == 5


@pytest.mark.parametrize("overtaken", [False, True])
async def test_a_sign_in_that_is_over_before_it_begins_throws_nobody_out(overtaken: bool) -> None:
    async with world("memory", sessions=SessionPolicy(idle=60, absolute=60, max_sessions=1)) as here:
        own, proof = await here.sign_in(), await here.proof()
        kept: list[Started | None] = []

        async def change() -> None:
            kept.append(await here.auth.sessions.sign_out_everywhere("ann", keep=own.session))

        if overtaken:  # by the change, when it has found out already who is to leave
            with here.store.once(here.store.before, "commit", change), pytest.raises(Revoked):
                await here.auth.sessions.start(proof)
        else:
            await change()
            with pytest.raises(Revoked):
                await here.auth.sessions.start(proof)
        [after] = kept
        assert after is not None
        assert await here.works(with_cookie(after))


async def test_others_keep_theirs() -> None:
    async with world("memory", sessions=FIVE) as here:
        bob = await here.sign_in("bob")
        for _ in range(20):
            await here.sign_in()
        assert await here.works(with_cookie(bob))


@pytest.mark.parametrize("sessions", [1, 3, 80])
async def test_a_sign_in_reads_no_session_while_there_are_places(sessions: int) -> None:
    async with world("memory") as here:
        for _ in range(sessions):
            await here.sign_in()
        proof, gets, finds = await here.proof(), here.store.asked["get"], here.store.asked["find"]
        await here.auth.sessions.start(proof)
        assert (here.store.asked["get"], here.store.asked["find"]) == (gets + 1, finds)


async def test_a_lower_limit_holds_from_the_next_sign_in(tmp_path: Path) -> None:
    clock, store = FakeClock(), f"sqlite:///{tmp_path}/admit.db"
    for policy, left in ((FIVE, 5), (SessionPolicy(idle=1_800, absolute=7_200, max_sessions=2), 2)):
        async with authority(store, clock, sessions=policy) as auth:
            proof = (await auth.subjects.before("ann")).proven("pwd")
            for _ in range(5 if left == 5 else 1):
                await auth.sessions.start(proof)
            assert len(await auth.sessions.of("ann")) == left


@pytest.mark.parametrize("limit", [0, -1, 1_001, 2.5, True, "10", None, float("nan")])
def test_a_limit_that_is_none_is_refused(limit: Any) -> None:
    with pytest.raises(ConfigError, match="1 to 1000"):
        SessionPolicy(idle=60, absolute=60, max_sessions=limit)
