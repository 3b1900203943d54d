"""Who follows the log, and from when on it is certain that all of them know what has ended."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import msgspec
import pytest

from admit.authority import Authority
from admit.core.lease import CLOCKS_RUN
from admit.core.store import Cursor, Page
from admit.errors import Revoked
from admit.followers import _ROOM, Followers
from admit.remote import Remote
from admit.testing.clock import FakeClock
from admit.web import application
from doors import ISSUER, authority
from nearby import nearby
from services import PassingClock

BOUND = 2.0
LONG = 3_600.0


class Here:
    """An authority that serves alone, for longer than anybody trusts what somebody else said before."""

    def __init__(self, *, alone: bool = True) -> None:
        self.clock = FakeClock()
        self.auth: Authority = authority(clock=self.clock, serves_alone=alone)
        self._app = application(self.auth)
        self.keys: dict[str, str] = {}

    async def begin(self) -> None:
        await self.auth.open()
        self.keys = {name: await self.auth.verifiers.create(name, ISSUER) for name in ("links", "files")}
        self.clock.advance(BOUND * CLOCKS_RUN + 0.01)

    async def asks(self, follower: str, after: str = "", *, key: str = "links") -> str:
        """Where the log ends for a follower that asks what is behind ``after``."""
        query = {"follower": follower} | ({"after": after} if after else {})
        async with httpx.AsyncClient(transport=httpx.ASGITransport(self._app), base_url=ISSUER) as client:
            headers = {"Authorization": f"Bearer {self.keys[key]}"}
            answer = await client.get("/revocations", params=query, headers=headers)
        self.clock.advance(0.001)
        return str(msgspec.json.decode(answer.content.splitlines()[-1])["cursor"])

    async def ends(self) -> float:
        """Something ends; when that was."""
        before = await self.auth.subjects.before("ann")
        await self.auth.sessions.revoke((await self.auth.sessions.start(before.proven("pwd"))).session)
        ended = self.clock.lease()
        self.clock.advance(0.001)
        return ended

    def all_know(self, ended: float) -> bool:
        return self.auth.followers.all_know(ended, b"")


@pytest.fixture
async def here() -> AsyncIterator[Here]:
    here = Here()
    await here.begin()
    yield here
    await here.auth.close()


async def test_who_came_back_with_the_place_where_the_log_ended_knows_it(here: Here) -> None:
    place = await here.asks("one")
    ended = await here.ends()
    assert not here.all_know(ended)
    later = await here.asks("one", place)
    await here.asks("one", place)
    assert not here.all_know(ended), "what was told need not have come"
    await here.asks("one", later)
    assert here.all_know(ended)


async def test_an_answer_that_was_given_before_the_end_says_nothing_of_it(here: Here) -> None:
    place = await here.asks("one")
    same = await here.asks("one", place)
    ended = await here.ends()
    await here.asks("one", same)
    assert not here.all_know(ended)


async def test_all_have_to_know_and_whoever_is_silent_for_long_enough_accepts_nothing(here: Here) -> None:
    places = {name: await here.asks(name) for name in ("one", "two")}
    ended = await here.ends()
    await here.asks("one", await here.asks("one", places["one"]))
    assert not here.all_know(ended)
    here.clock.advance(BOUND)
    await here.asks("one", await here.asks("one"))
    assert not here.all_know(ended), "a clock that is slower may trust for longer"
    here.clock.advance(BOUND * (CLOCKS_RUN - 1))
    assert here.all_know(ended)


async def test_who_never_comes_to_the_end_is_behind_since_it_came_or_since_it_last_was_there(here: Here) -> None:
    def behind() -> list[float]:
        return [round(one.behind(here.clock.lease()), 2) for one in here.auth.followers.lately()]

    await here.asks("one")
    await here.asks("")
    here.clock.advance(1)
    await here.asks("one")
    await here.asks("")
    assert behind() == [1.0, 0.0]
    await here.asks("one", await here.asks("one"))
    assert behind() == [0.0, 0.0]
    here.clock.advance(1)
    await here.asks("one")
    here.clock.advance(0.5)
    await here.asks("one")
    assert behind() == [1.5, 1.5]


async def test_two_processes_with_one_key_are_two_followers(here: Here) -> None:
    places = [await here.asks(name) for name in ("parent", "child")]
    ended = await here.ends()
    await here.asks("parent", await here.asks("parent", places[0]))
    assert not here.all_know(ended)


async def test_one_name_under_two_keys_is_two_followers(here: Here) -> None:
    place = await here.asks("one")
    await here.asks("one", key="files")
    ended = await here.ends()
    await here.asks("one", await here.asks("one", place))
    assert not here.all_know(ended)


async def test_of_whoever_gives_no_name_nothing_is_known(here: Here) -> None:
    place = await here.asks("")
    ended = await here.ends()
    await here.asks("", await here.asks("", place))
    assert not here.all_know(ended)


async def test_whoever_begins_anew_knows_nothing(here: Here) -> None:
    place = await here.asks("one")
    ended = await here.ends()
    await here.asks("one", await here.asks("one", place))
    await here.asks("one")
    assert not here.all_know(ended)


async def test_who_was_told_of_a_token_may_trust_that_for_as_long(here: Here) -> None:
    before = await here.auth.subjects.before("ann")
    token = await here.auth.tokens.access((await here.auth.sessions.start(before.proven("pwd"))).session)
    await here.auth.ask(token, ISSUER)
    ended = await here.ends()
    assert not here.all_know(ended)
    here.clock.advance(BOUND * CLOCKS_RUN + 0.01)
    assert here.all_know(ended)


async def test_a_process_that_just_began_knows_not_who_followed_the_one_before() -> None:
    here = Here()
    await here.auth.open()
    ended = await here.ends()
    assert not here.all_know(ended)
    here.clock.advance(BOUND * CLOCKS_RUN + 0.01)
    assert here.all_know(ended)
    await here.auth.close()
    await here.auth.open()
    assert not here.all_know(ended), "another may have served meanwhile"
    await here.auth.close()


async def test_where_others_serve_the_same_log_nothing_is_certain() -> None:
    here = Here(alone=False)
    await here.begin()
    assert not here.all_know(await here.ends())
    await here.auth.close()


async def test_a_receipt_says_at_once_that_all_know_where_nobody_follows(here: Here) -> None:
    before = await here.auth.subjects.before("ann")
    session = (await here.auth.sessions.start(before.proven("pwd"))).session
    receipt = await here.auth.revoke(session, wait=LONG)
    assert (receipt.everywhere, receipt.effective_by) == (True, here.clock.now())


async def test_a_receipt_waits_until_all_know(here: Here) -> None:
    place = await here.asks("one")
    await here.ends()
    waiting = asyncio.create_task(here.auth.everywhere(LONG))
    await asyncio.sleep(0)
    here.clock.advance(0.001)
    later = await here.asks("one", place)
    assert not waiting.done()
    await here.asks("one", later)
    receipt = await asyncio.wait_for(waiting, 60)
    assert receipt.everywhere
    assert receipt.effective_by == here.clock.now()


async def test_who_was_told_while_the_end_was_being_acknowledged_knows_it(here: Here) -> None:
    place = await here.asks("one")
    await here.ends()
    later = await here.asks("one", place)
    waiting = asyncio.create_task(here.auth.everywhere(LONG))
    await asyncio.sleep(0)
    await here.asks("one", later)
    assert (await asyncio.wait_for(waiting, 60)).everywhere


@pytest.mark.parametrize("alone", [True, False])
async def test_a_receipt_waits_no_longer_than_it_takes_at_most(alone: bool) -> None:
    here = Here(alone=alone)
    await here.begin()
    await here.asks("one")
    waiting = asyncio.create_task(here.auth.everywhere(LONG))
    await asyncio.sleep(0)
    effective_by = here.clock.now() + BOUND * CLOCKS_RUN
    for _ in range(4):
        await here.asks("one")  # as one does that learns nothing, and is never silent
    assert not waiting.done()
    here.clock.advance(BOUND * CLOCKS_RUN)
    receipt = await asyncio.wait_for(waiting, 60)
    assert receipt.everywhere
    assert receipt.effective_by == pytest.approx(effective_by)
    await here.auth.close()


async def test_a_receipt_that_waits_too_short_says_from_when_on_nobody_accepts(here: Here) -> None:
    await here.asks("one")
    receipt = await here.auth.everywhere(0.001)
    assert (receipt.everywhere, receipt.effective_by) == (False, here.clock.now() + BOUND * CLOCKS_RUN)


def test_after_a_receipt_that_waited_no_verifier_accepts() -> None:
    clock = PassingClock()
    with nearby(clock=clock, serves_alone=True, max_staleness=60.0) as here:
        clock.passes(60 * CLOCKS_RUN + 1)
        verifiers = [here.verifier(clock=clock, max_staleness=60.0) for _ in range(2)]
        text = here.token()
        for verifier in verifiers:
            verifier.open(60)
            assert verifier.verify(text).subject
        here.sign_out(text)
        proven_by = clock.now() + 60
        receipt = here.auth.sync.everywhere(60)
        assert receipt.everywhere
        assert receipt.effective_by < proven_by
        for verifier in verifiers:
            with pytest.raises(Revoked):
                verifier.verify(text)
        with ThreadPoolExecutor(2) as both:
            closing = [both.submit(verifier.close) for verifier in verifiers]
            while not all(one.done() for one in closing):
                here.sign_out(here.token())  # each goes once its question is answered


def test_a_forked_child_follows_under_a_name_of_its_own() -> None:
    remote = Remote(ISSUER, "adm_v_")
    name = remote._follower
    remote.close()
    assert remote._follower == name
    remote.abandon()
    assert remote._follower != name


def test_names_that_were_made_up_are_forgotten_again() -> None:
    now = 1_000.0
    followers = Followers(lambda: now, lambda: BOUND * CLOCKS_RUN, alone=True)
    for _ in range(5):
        for number in range(_ROOM // 2):
            one = followers.asks("links", f"{now}.{number}", None)
            followers.answered(one, Page((), Cursor("1"), end=True, stamp=b""), now)
        now += BOUND * CLOCKS_RUN + 1
    assert len(followers._known) <= _ROOM
    assert not followers.lately()
