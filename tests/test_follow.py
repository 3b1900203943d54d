"""Following a log from afar: what a read proves, and what it does not when answers are lost, late, torn or repeated."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import AsyncIterator, Callable

import pytest

from admit.core.log import MAX_CLOCK_FALL
from admit.core.principal import Ends
from admit.core.store import Page
from admit.errors import CursorLost
from wire import BOUND, Afar, Wire
from worlds import World, world


@pytest.fixture
async def here() -> AsyncIterator[World]:
    async with world("memory") as found:
        yield found


@pytest.fixture
def afar(here: World) -> Afar:
    assert here.store.tail is not None
    return Afar(Wire(here.store.tail), here.clock)


async def ended(here: World) -> str:
    """The id of a session that has ended."""
    session = (await here.sign_in()).session
    await here.auth.revoke(session)
    return session.id


async def test_a_read_to_the_end_brings_what_has_ended_and_proves_it(here: World, afar: Afar) -> None:
    session = await ended(here)
    assert not afar.fresh()
    assert afar.follower.step() == 0
    assert afar.fresh()
    assert session in afar.copy.ended[Ends.SESSION]
    assert afar.follower.wait(0)


async def test_the_next_read_goes_on_where_the_last_one_ended(here: World, afar: Afar) -> None:
    await ended(here)
    afar.follower.step()
    later = await ended(here)
    afar.follower.step()
    assert afar.wire.asked == [None, afar.wire.asked[1]]
    assert afar.wire.asked[1] is not None
    assert later in afar.copy.ended[Ends.SESSION]


async def test_what_is_known_is_as_old_as_the_question(here: World, afar: Afar) -> None:
    def held_back(pages: list[Page]) -> list[Page]:
        here.clock.advance(BOUND + 0.1)
        return pages

    afar.wire.fault = held_back
    afar.follower.step()
    assert afar.lease.age == pytest.approx(BOUND + 0.1)
    assert not afar.fresh()


async def test_an_answer_that_ends_in_the_middle_proves_nothing_but_what_it_said_is_known(
    here: World, afar: Afar
) -> None:
    session = await ended(here)

    def torn(pages: list[Page]) -> list[Page]:
        return [Page(pages[0].entries, None, end=False, stamp=b"")]

    afar.wire.fault = torn
    afar.follower.step()
    assert not afar.fresh()
    assert afar.copy.cursor is None
    assert session in afar.copy.ended[Ends.SESSION]


async def test_a_repeated_answer_is_harmless(here: World, afar: Afar) -> None:
    session = await ended(here)
    afar.follower.step()
    first = afar.copy.cursor
    afar.wire.fault = lambda pages: [Page((*pages[0].entries,) * 2, pages[0].cursor, end=True, stamp=pages[0].stamp)]
    afar.copy.start_over()
    afar.follower.step()
    assert afar.copy.cursor == first
    assert session in afar.copy.ended[Ends.SESSION]


async def test_each_failure_pauses_longer_up_to_half_the_bound_and_success_forgets_them(afar: Afar) -> None:
    afar.wire.cut = True
    pauses = [afar.follower.step() for _ in range(12)]
    assert pauses == sorted(pauses)
    assert 0 < pauses[0] < 0.05
    assert pauses[-1] <= BOUND / 2
    assert "the wire is cut" in str(afar.follower.last_error)
    afar.wire.cut = False
    assert afar.follower.step() == 0
    assert str(afar.follower.last_error) == "None"
    afar.wire.cut = True
    assert afar.follower.step() == pauses[0]


async def test_after_a_question_that_was_lost_the_next_waits_for_no_news(afar: Afar) -> None:
    for cut in (False, True, True, False, False):
        afar.wire.cut = cut
        afar.follower.step()
    assert afar.wire.waits == [BOUND / 4, BOUND / 4, 0, 0, BOUND / 4]


async def test_a_cut_wire_leaves_what_was_proven_until_it_is_too_old(here: World, afar: Afar) -> None:
    afar.follower.step()
    afar.wire.cut = True
    here.clock.advance(BOUND - 0.1)
    afar.follower.step()
    assert afar.fresh()
    here.clock.advance(0.2)
    assert not afar.fresh()


async def test_a_lost_position_begins_anew_keeps_what_is_known_and_accepts_nothing_until_the_end(
    here: World, afar: Afar
) -> None:
    session = await ended(here)
    afar.follower.step()

    def lost(pages: list[Page]) -> list[Page]:
        raise CursorLost("trimmed", trimmed=True)

    afar.wire.fault = lost
    assert afar.follower.step() > 0
    assert not afar.fresh()
    assert session in afar.copy.ended[Ends.SESSION]
    afar.wire.fault = list[Page]
    afar.follower.step()
    assert afar.wire.asked[-1] is None
    assert afar.fresh()


async def test_an_answer_under_way_while_the_clock_is_set_back_does_not_stand_for_the_whole_log(
    here: World, afar: Afar
) -> None:
    afar.follower.step()
    afar.copy.tick(here.clock.now(), here.clock.lease())

    def set_back() -> None:
        here.clock.step_wall(-MAX_CLOCK_FALL - 1)
        assert afar.copy.tick(here.clock.now(), here.clock.lease())

    afar.wire.while_under_way = set_back
    afar.follower.step()
    assert afar.copy.cursor is None
    assert not afar.fresh()
    afar.wire.while_under_way = lambda: None
    afar.follower.step()
    assert afar.wire.asked[-1] is None
    assert afar.fresh()


async def test_an_entry_that_cannot_be_read_is_no_end_of_the_log(afar: Afar) -> None:
    afar.wire.fault = lambda pages: [Page((b'["unheard of"]',), pages[0].cursor, end=True, stamp=b"12345678")]
    assert afar.follower.step() > 0
    assert not afar.fresh()


def following() -> set[int | None]:
    """The threads that follow a log, those of other tests too."""
    return {thread.ident for thread in threading.enumerate() if thread.name == "admit-follow"}


async def test_a_thread_follows_until_it_is_stopped_and_begins_again_when_it_is_wanted(here: World) -> None:
    assert here.store.tail is not None
    read, before = threading.Semaphore(0), following()
    afar = Afar(Wire(here.store.tail, while_under_way=read.release), here.clock)
    for _ in range(2):
        afar.follower.start()
        afar.follower.start()
        assert read.acquire(timeout=60)
        assert read.acquire(timeout=60)
        assert len(following() - before) == 1
        afar.follower.stop()
        assert following() <= before


def is_right_in_a_child(afar: Afar) -> bool:
    """Whether a child that was just forked knows nothing at first, and all once it has read."""
    afar.follower.begin_anew()
    if afar.fresh() or afar.follower.wait(0):
        return False
    afar.follower.step()
    return afar.fresh()


def in_a_child(holds: Callable[[], bool]) -> bool:
    child = os.fork()
    if child == 0:  # pragma: no cover - another process
        signal.alarm(60)
        os._exit(0 if holds() else 1)
    return os.waitpid(child, 0)[1] == 0


async def test_a_forked_child_knows_nothing_until_it_has_seen_the_end_itself(afar: Afar) -> None:
    afar.follower.step()
    held, forked = threading.Event(), threading.Event()

    def hold() -> None:
        with afar.copy.lock:  # which nobody gives back in the child: there is no such thread
            held.set()
            forked.wait(60)

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait(60)
    try:
        assert in_a_child(lambda: is_right_in_a_child(afar))
    finally:
        forked.set()
        holder.join()
    assert afar.fresh()


async def test_a_thread_that_was_stopped_ends_although_somebody_wants_another_before_it_has(here: World) -> None:
    assert here.store.tail is not None
    read, before = threading.Semaphore(0), following()
    afar = Afar(Wire(here.store.tail, while_under_way=read.release), here.clock)
    afar.follower.start()
    assert read.acquire(timeout=60)
    [first] = [thread for thread in threading.enumerate() if thread.ident in following() - before]
    stopped = afar.follower._stopped
    # As stop() does it, and a request in another thread in between.
    stopped.set()
    afar.follower._thread = None
    afar.follower.start()
    await asyncio.to_thread(first.join, 60)
    assert not first.is_alive()
    await asyncio.to_thread(afar.follower.stop)


async def test_a_child_waits_for_no_lock_that_its_parents_thread_held(afar: Afar) -> None:
    stopped = afar.follower._stopped
    with stopped._cond:  # type: ignore[attr-defined]  # as the thread holds it at the moment of a fork
        afar.follower.begin_anew()
        for what in (afar.follower.stop, afar.follower.start):
            doing = threading.Thread(target=what, daemon=True)
            doing.start()
            await asyncio.to_thread(doing.join, 30)
            assert not doing.is_alive()
    await asyncio.to_thread(afar.follower.stop)
