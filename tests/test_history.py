"""A history begins once, is followed to its end, and everything before a new one is over."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from admit.core.lease import CLOCKS_RUN, LONGEST
from admit.core.log import Began, Copy, Raised, decode
from admit.core.principal import Ends
from admit.core.store import REVOCATIONS, Delete
from admit.errors import BadCredential, Revoked, StoreUnavailable
from admit.history import TERM_CODEC, Term
from admit.ledger import TERM
from admit.subjects import Subject
from worlds import KINDS, World, authority, with_cookie, with_token, world


@pytest.fixture(params=KINDS)
async def here(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    async with world(request.param, tmp_path) as found:
        yield found


async def told(here: World) -> list[object]:
    return [decode(line) for line in (await here.store.inner.log(REVOCATIONS, None)).entries]


async def test_a_history_begins_with_an_entry_that_names_it_and_the_second_of_its_beginning(here: World) -> None:
    [began] = await told(here)
    assert isinstance(began, Began)
    [record] = await here.store.get(TERM)
    assert record is not None
    assert TERM_CODEC.decode(record) == Term(int(here.clock.now()))


async def test_opened_again_it_is_the_same_history(here: World) -> None:
    before = await told(here)
    here.clock.advance(100)
    again = authority(here.store, here.clock)
    await again.open()
    await again.open()
    assert await told(here) == before


async def test_who_opens_late_knows_all_that_has_ended_however_much(here: World) -> None:
    started = await here.sign_in()
    token = await here.auth.tokens.access(started.session)
    ledger = here.auth.subjects._ledger
    entry = ledger.ended(Ends.SESSION, started.session.id)
    noise = [ledger.ended(Ends.TOKEN, f"{entry.home}{number:021}") for number in range(2_500)]
    await here.store.commit(entry, *noise)
    late = authority(here.store, here.clock)
    await late.open()
    assert len(late.subjects._ledger.copy) == 2_501
    with pytest.raises(Revoked):
        late.verify(token)


async def test_a_new_history_ends_everything_everywhere_and_new_sign_ins_work(here: World) -> None:
    started = await here.sign_in()
    await here.auth.subjects.change("ann", Subject.signed_out)
    started = await here.sign_in()
    pair = await here.auth.tokens.issue(started.session)
    async with authority(here.store.inner, here.clock) as another:
        for auth in (here.auth, another):
            await auth.admit(with_cookie(started))
            await auth.admit(with_token(pair.access_token))
        receipt = await another.restore()
        # In the history that was lost verifiers may have been told anything.
        assert receipt.effective_by == here.clock.now() + LONGEST * CLOCKS_RUN
        for auth in (here.auth, another):
            for request in (with_cookie(started), with_token(pair.access_token)):
                with pytest.raises(BadCredential):
                    await auth.admit(request)
            with pytest.raises(Revoked):
                await auth.tokens.refresh(pair.refresh_token)
            assert await auth.sessions.of("ann") == []
        assert await here.works(with_cookie(await here.sign_in()))


async def test_two_ends_in_one_second_are_two_terms(here: World) -> None:
    ledger = here.auth.subjects._ledger
    terms = [ledger.term]
    for _ in range(3):
        await here.auth.restore()
        terms.append(ledger.term)
    assert terms == sorted(set(terms))
    assert [entry for entry in await told(here) if isinstance(entry, Raised)] == [
        Raised("*", term) for term in terms[1:]
    ]


async def test_a_clock_that_was_set_back_begins_no_earlier_history(here: World) -> None:
    before = here.auth.subjects._ledger.term
    here.clock.step_wall(-3_600)
    await here.auth.restore()
    assert here.auth.subjects._ledger.term == before + (1 << 20)


async def test_an_end_that_is_overtaken_is_decided_again(here: World) -> None:
    with here.store.once(here.store.before, "commit", here.auth.restore):
        await here.auth.restore()
    assert len([entry for entry in await told(here) if isinstance(entry, Raised)]) == 2


async def test_without_a_term_there_is_nothing_to_end(here: World) -> None:
    await here.store.commit(Delete(*TERM))
    with pytest.raises(StoreUnavailable, match="term"):
        await here.auth.restore()


async def test_followed_afresh_nothing_of_before_is_admitted_at_any_moment(here: World) -> None:
    token = await here.auth.tokens.access((await here.sign_in()).session)
    before = here.auth.subjects._ledger.term
    await here.auth._history.follow(here.store.inner, afresh=True)
    assert here.auth.subjects._ledger.term > before
    with pytest.raises(Revoked):
        here.auth.verify(token)


async def test_the_copy_of_a_process_that_knew_more_keeps_it(here: World) -> None:
    copy = here.auth.subjects._ledger.copy
    assert isinstance(copy, Copy)
    started = await here.sign_in()
    copy.apply(Raised("ann", started.session.gen + 5), here.clock.now(), here.clock.lease())
    await here.auth._history.follow(here.store.inner)
    assert copy.raised["ann"] == started.session.gen + 5
