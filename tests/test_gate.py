"""The gate: what was seen before is judged on each use, and is never asked about again without need."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from admit.core.log import Copy
from admit.core.principal import Ends, Principal
from admit.core.session_policy import RELAXED
from admit.core.tally import Tally
from admit.core.verdict import MAX_LOOK_UP_USE, Seen
from admit.errors import (
    BadCredential,
    CursorLost,
    Expired,
    LookUpNeeded,
    LostHistory,
    Revoked,
    Stale,
    StoreUnavailable,
)
from admit.gate import GONE, Gate
from admit.subjects import Subject
from worlds import KINDS, SHORT, World, authority, value_of, with_cookie, with_token, world


@pytest.fixture(params=KINDS)
async def here(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    async with world(request.param, tmp_path, sessions=SHORT) as found:
        yield found


async def test_nothing_is_asked_of_the_store_about_what_was_seen_before(here: World) -> None:
    started = await here.sign_in()
    token = (await here.auth.tokens.issue(started.session)).access_token
    await here.by_cookie(started)
    await here.by_token(token)
    here.store.asked.clear()
    for _ in range(100):
        here.clock.advance(0.5)
        assert await here.by_cookie(started) == here.auth.verify(value_of(started), "session")
        assert await here.by_token(token) == here.auth.verify(token)
    assert not here.store.asked


async def test_a_token_is_verified_without_ever_asking_the_store(here: World) -> None:
    token = (await here.auth.tokens.issue((await here.sign_in()).session)).access_token
    here.store.asked.clear()
    assert here.auth.verify(token).subject == "ann"
    assert not here.store.asked


async def test_a_cookie_not_seen_before_needs_a_look_up(here: World) -> None:
    text = value_of(await here.sign_in())
    with pytest.raises(LookUpNeeded):
        here.auth.verify(text, "session")
    await here.by_cookie(f"={text};")
    assert here.auth.verify(text, "session").subject == "ann"


async def test_a_look_up_is_used_for_a_tenth_of_the_idle_limit_and_never_longer_than_five_minutes(
    tmp_path: Path,
) -> None:
    for policy, use in ((SHORT, SHORT.idle / 10), (RELAXED, MAX_LOOK_UP_USE)):
        async with world("memory", sessions=policy) as here:
            text = value_of(await here.sign_in())
            await here.by_cookie(f"={text};")
            here.clock.advance(use - 0.1)
            here.auth.verify(text, "session")
            here.clock.advance(0.2)
            with pytest.raises(LookUpNeeded):
                here.auth.verify(text, "session")


async def test_what_was_found_good_at_one_door_is_not_known_at_another(here: World) -> None:
    started = await here.sign_in()
    token = (await here.auth.tokens.issue(started.session)).access_token
    await here.by_cookie(started)
    await here.by_token(token)
    for text, door in ((value_of(started), "token"), (token, "session")):
        with pytest.raises(BadCredential):
            here.auth.verify(text, door)
        assert not await here.works(with_token(text) if door == "token" else with_cookie(f"={text};"))


async def test_an_end_between_look_up_and_verdict_is_seen(here: World) -> None:
    started = await here.sign_in()
    with (
        here.store.once(here.store.after, "get", lambda: here.auth.revoke(started.session)),
        pytest.raises(BadCredential),
    ):
        await here.by_cookie(started)


async def test_an_end_told_by_another_process_while_the_look_up_is_under_way_is_seen(here: World) -> None:
    started = await here.sign_in()
    async with authority(here.store.inner, here.clock) as another:
        arrived, go_on = asyncio.Event(), asyncio.Event()

        async def pause() -> None:
            here.store.after.clear()
            here.store.after["get"] = wait  # the second read: session and subject together

        async def wait() -> None:
            here.store.after.clear()
            arrived.set()
            await go_on.wait()

        here.store.after["get"] = pause
        asked = asyncio.ensure_future(here.by_cookie(started))
        await arrived.wait()
        await another.revoke(started.session)
        go_on.set()
        with pytest.raises(Revoked):
            await asked


async def test_it_is_counted_what_each_answer_took(here: World) -> None:
    started = await here.sign_in()
    token = (await here.auth.tokens.issue(started.session)).access_token
    for _ in range(3):
        await here.by_cookie(started)
        await here.by_token(token)
    assert here.auth.seen(value_of(started), "session") is not None  # as guards ask
    for wrong in ("adm_s_x", "no token at all"):
        with pytest.raises(BadCredential):
            await here.by_token(wrong)
    await here.auth.revoke(started.session)
    with pytest.raises(Revoked):
        await here.by_token(token)
    with pytest.raises(BadCredential):
        await here.by_cookie(started)
    tokens, cookies = here.auth.tallies["token"], here.auth.tallies["session"]
    assert tokens == Tally(seen_before=2, verified=1, refused=3)
    assert cookies == Tally(seen_before=3, looked_up=1, refused=1)
    assert here.auth.tally == Tally(seen_before=5, verified=1, looked_up=1, refused=4)
    fresh = await here.sign_in()

    async def no_answer() -> None:
        raise StoreUnavailable

    with here.store.once(here.store.before, "get", no_answer), pytest.raises(StoreUnavailable):
        await here.by_cookie(fresh)
    assert (tokens.unanswered, cookies.unanswered, here.auth.tally.unanswered) == (0, 1, 1)


async def test_an_end_of_another_process_just_before_one_of_ours_is_not_passed_over(here: World) -> None:
    theirs, ours = [(await here.sign_in()).session for _ in range(2)]
    tokens = [await here.auth.tokens.access(session) for session in (theirs, ours)]
    for token in tokens:
        await here.by_token(token)
    async with authority(here.store.inner, here.clock) as another:
        with here.store.once(here.store.before, "commit", lambda: another.revoke(theirs)):
            await here.auth.revoke(ours)
        for token in tokens:
            with pytest.raises(Revoked):
                here.auth.verify(token)


async def test_other_roles_are_found_by_a_second_look_up(here: World) -> None:
    started = await here.sign_in()
    assert (await here.by_cookie(started)).roles == set()
    await here.auth.subjects.change("ann", lambda subject: subject.with_roles(["admin"]))
    here.store.asked.clear()
    assert (await here.by_cookie(started)).roles == {"admin"}
    assert here.store.asked["get"] == 1
    assert (await here.by_cookie(started)).roles == {"admin"}
    assert here.store.asked["get"] == 1


async def test_a_subject_that_changes_at_every_look_up_is_refused_in_the_end(here: World) -> None:
    started = await here.sign_in()

    async def change() -> None:
        here.store.after.clear()
        await here.auth.subjects.change("ann", lambda subject: subject.with_roles(["user"]))
        here.store.after["get"] = change

    here.store.after["get"] = change
    with pytest.raises(Revoked, match="changed"):
        await here.by_cookie(started)
    here.store.after.clear()
    assert (await here.by_cookie(started)).roles == {"user"}


async def test_a_token_from_before_a_change_is_refused_without_a_look_up(here: World) -> None:
    token = (await here.auth.tokens.issue((await here.sign_in()).session)).access_token
    await here.auth.subjects.change("ann", lambda subject: subject.with_roles(["user"]))
    here.store.asked.clear()
    with pytest.raises(Revoked):
        await here.by_token(token)
    assert not here.store.asked


async def test_a_credential_that_was_refused_costs_one_read_in_five_seconds(here: World) -> None:
    started = await here.sign_in()
    await here.auth.revoke(started.session)
    for _ in range(3):
        here.store.asked.clear()
        for _ in range(20):
            with pytest.raises(BadCredential):
                await here.by_cookie(started)
        assert here.store.asked["get"] == 1
        here.clock.advance(GONE)
    here.clock.step_wall(-3_600)
    assert not await here.works(with_cookie(started))


async def test_a_look_up_that_was_overtaken_by_a_refusal_brings_nothing_back(here: World) -> None:
    """Two look-ups on their way together: the one that was sent first comes back last, and says what was true (P4)."""
    started = await here.sign_in()
    text, sessions = value_of(started), here.auth.sessions
    found, arrived, go_on = await sessions.look_up(text, here.clock.now()), asyncio.Event(), asyncio.Event()

    class Slow:
        """Of which the first look-up comes back last."""

        looked_up = True

        def verify(self, text: str, now: float) -> Seen:
            return sessions.verify(text, now)

        async def look_up(self, text: str, now: float) -> Seen:
            if not arrived.is_set():
                arrived.set()
                await go_on.wait()
                return found
            raise Revoked("over")

        async def lasts(self, who: Principal, now: float) -> float:
            return await sessions.lasts(who, now)

    gate = Gate({"session": Slow()}, Copy(), here.clock)
    assert here.store.tail is not None
    gate.open(here.store.tail)
    await gate.catch_up()
    first = asyncio.create_task(gate.admit(text, "session"))
    await arrived.wait()
    here.clock.advance(0.001)
    with pytest.raises(Revoked):
        await gate.admit(text, "session")
    here.clock.advance(GONE + 1)
    go_on.set()
    with pytest.raises(BadCredential, match="over"):
        await first
    assert gate.seen(text, "session") is None


async def test_an_unknown_key_id_costs_one_read_in_five_seconds(here: World) -> None:
    token = (await here.auth.tokens.issue((await here.sign_in()).session)).access_token
    async with world("memory", issuer="https://app.example.com/auth", secret=b"x" * 32) as elsewhere:
        forged = [await elsewhere.auth.tokens.access((await elsewhere.sign_in()).session) for _ in range(5)]
    for _ in range(3):
        here.clock.advance(5)
        here.store.asked.clear()
        for text in forged:
            with pytest.raises(BadCredential):
                await here.by_token(text)
        assert here.store.asked["get"] == 1
    assert await here.works(with_token(token))


async def test_the_log_is_read_to_its_end_before_an_answer_however_long_it_is(here: World) -> None:
    started = await here.sign_in()
    token = await here.auth.tokens.access(started.session)
    who = await here.by_token(token)
    append = here.auth.subjects._ledger.ended(Ends.TOKEN, who.marks[Ends.TOKEN])
    noise = [here.auth.subjects._ledger.ended(Ends.TOKEN, f"{append.home}{number:021}") for number in range(1_500)]
    await here.store.commit(*noise, append)
    with pytest.raises(Stale):
        here.auth.verify(token)
    with pytest.raises(Revoked):
        await here.by_token(token)


async def test_before_it_is_opened_a_gate_says_neither_yes_nor_no(here: World) -> None:
    token = await here.auth.tokens.access((await here.sign_in()).session)
    closed = authority(here.store, here.clock)
    with pytest.raises(Stale):
        closed.verify(token)
    with pytest.raises(Stale):
        await closed._gate.catch_up()
    assert (await closed.admit(with_token(token))).subject == "ann"


async def test_a_database_that_was_replaced_admits_nobody_within_a_second(here: World) -> None:
    started = await here.sign_in()
    token = await here.auth.tokens.access(started.session)
    await here.by_cookie(started)
    await here.by_token(token)

    def replaced() -> None:
        raise LostHistory("another inode")

    tail = Tail(here)
    tail.check = replaced
    here.auth._gate.open(tail)
    for _ in range(3):
        with pytest.raises(LostHistory):
            here.auth.verify(token)
        with pytest.raises(LostHistory):
            await here.by_cookie(started)
    assert here.auth._gate.fenced == "another inode"


class Tail:
    """The tail of a world, to be tampered with."""

    def __init__(self, here: World) -> None:
        assert here.store.tail is not None
        self.moved = here.store.tail.moved
        self.read = here.store.tail.read
        self.check = here.store.tail.check


@pytest.mark.parametrize(
    "error, raised, fenced",
    [
        (CursorLost("unknown"), LostHistory, True),
        (LostHistory("gone"), LostHistory, True),
        (StoreUnavailable("locked"), StoreUnavailable, False),
    ],
)
async def test_a_log_that_cannot_be_read_is_no_yes(
    here: World, error: Exception, raised: type[Exception], fenced: bool
) -> None:
    token = await here.auth.tokens.access((await here.sign_in()).session)
    await here.by_token(token)
    tail = Tail(here)

    def fail(after: object) -> None:
        raise error

    tail.read = fail  # type: ignore[assignment]
    here.auth._gate.open(tail)
    await here.store.commit(here.auth.subjects._ledger.ended(Ends.TOKEN, "x" * 22))
    for _ in range(2):
        with pytest.raises(raised):
            here.auth.verify(token)
        assert (here.auth._gate.fenced is not None) is fenced
    here.auth._gate.open(Tail(here))
    assert here.auth.verify(token).subject == "ann"


async def test_a_position_that_was_merely_trimmed_is_read_from_the_beginning(here: World) -> None:
    started = await here.sign_in()
    token = await here.auth.tokens.access(started.session)
    await here.by_token(token)
    tail = Tail(here)
    read = tail.read

    def trimmed(after: object) -> object:
        if after is not None:
            raise CursorLost("older than the log", trimmed=True)
        return read(None)

    tail.read = trimmed  # type: ignore[assignment]
    here.auth._gate.open(tail)
    jti = here.auth.verify(token).marks[Ends.TOKEN]
    await here.store.commit(here.auth.subjects._ledger.ended(Ends.TOKEN, jti))
    with pytest.raises(Revoked):
        here.auth.verify(token)


async def test_a_finding_is_judged_by_the_time_of_its_use(here: World) -> None:
    token = await here.auth.tokens.access((await here.sign_in()).session)
    await here.by_token(token)
    here.clock.advance(700)
    with pytest.raises(Expired):
        here.auth.verify(token)


async def test_no_thread_accepts_what_was_ended_before_it_began(here: World) -> None:
    sessions = [(await here.sign_in()).session for _ in range(8)]
    tokens = [await here.auth.tokens.access(session) for session in sessions]
    ended: set[int] = set()
    wrong: list[int] = []
    accepted: list[Principal] = []
    done = threading.Event()

    def verify() -> None:
        while not done.is_set():
            for number, token in enumerate(tokens):
                was_ended = number in ended
                try:
                    accepted.append(here.auth.verify(token))
                except Revoked:
                    continue
                if was_ended:
                    wrong.append(number)

    threads = [threading.Thread(target=verify) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        for number, session in enumerate(sessions):
            await here.auth.revoke(session)
            ended.add(number)
            await asyncio.sleep(0)
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert accepted
    assert wrong == []
    assert not any([await here.works(with_token(token)) for token in tokens])


async def test_a_subject_signed_out_in_one_process_is_out_in_the_other(here: World) -> None:
    started = await here.sign_in()
    token = await here.auth.tokens.access(started.session)
    async with authority(here.store.inner, here.clock) as another:
        await another.admit(with_cookie(started))
        await another.admit(with_token(token))
        await here.auth.subjects.change("ann", Subject.signed_out)
        for request in (with_cookie(started), with_token(token)):
            with pytest.raises(BadCredential):
                await another.admit(request)
