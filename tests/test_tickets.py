"""Tickets are spent once, for what they were minted for, and not after what they stand on has ended."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from admit.core.ids import home_of
from admit.errors import BadCredential, Expired, Replayed, Revoked
from admit.subjects import Event, Subject
from admit.tickets import PREFIX, Ticket
from worlds import KINDS, World, authority, world


@pytest.fixture(params=KINDS)
async def here(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    async with world(request.param, tmp_path) as found:
        yield found


async def test_a_ticket_is_taken_once_and_says_what_it_is_good_for(here: World) -> None:
    proof = await here.proof("ann", "pwd")
    text = await here.auth.tickets.mint("second factor", 60, proof, note="totp")
    ticket = await here.auth.tickets.spend(text, "second factor")
    assert (ticket.purpose, ticket.subject, ticket.note, ticket.gen) == ("second factor", "ann", "totp", proof.gen)
    assert ticket.expires_at == here.clock.now() + 60
    assert ticket.id[0] == home_of("ann")
    handed_on = ticket.proof(here.clock.now())
    assert (handed_on.subject, handed_on.gen, handed_on.methods) == ("ann", proof.gen, ("pwd",))
    with pytest.raises(Replayed):
        await here.auth.tickets.spend(text, "second factor")


async def test_of_twenty_who_spend_one_ticket_at_once_one_gets_it(here: World) -> None:
    here.store.interleave()
    text = await here.auth.tickets.mint("code", 60, await here.auth.subjects.before("ann"))
    answers = await asyncio.gather(*(here.auth.tickets.spend(text, "code") for _ in range(20)), return_exceptions=True)
    assert sum(isinstance(answer, Ticket) for answer in answers) == 1
    assert sum(isinstance(answer, Replayed) for answer in answers) == 19


async def test_a_ticket_of_nobody_is_spent_but_speaks_for_nobody(here: World) -> None:
    ticket = await here.auth.tickets.spend(await here.auth.tickets.mint("challenge", 60), "challenge")
    assert ticket.subject is None
    with pytest.raises(BadCredential):
        ticket.proof(here.clock.now())


async def test_a_ticket_for_another_purpose_is_refused_and_not_spent(here: World) -> None:
    text = await here.auth.tickets.mint("reset", 60)
    with pytest.raises(BadCredential):
        await here.auth.tickets.spend(text, "code")
    await here.auth.tickets.spend(text, "reset")


async def test_a_guess_at_the_secret_is_refused_and_does_not_spend_it(here: World) -> None:
    text = await here.auth.tickets.mint("reset", 60)
    guess = text[:-43] + "A" * 43
    with pytest.raises(BadCredential):
        await here.auth.tickets.spend(guess, "reset")
    await here.auth.tickets.spend(text, "reset")


async def test_a_ticket_is_over_at_its_time(here: World) -> None:
    texts = [await here.auth.tickets.mint("reset", 60) for _ in range(2)]
    here.clock.advance(59.9)
    await here.auth.tickets.spend(texts[0], "reset")
    here.clock.advance(0.2)
    with pytest.raises(Expired):
        await here.auth.tickets.spend(texts[1], "reset")


@pytest.mark.parametrize("event", [Subject.signed_out, Subject.proof_changed, Subject.proof_reset, Subject.disabled])
@pytest.mark.parametrize("proven", [True, False])
async def test_a_change_of_the_subject_kills_what_is_pending(here: World, event: Event, proven: bool) -> None:
    before = await here.auth.subjects.before("ann")
    text = await here.auth.tickets.mint("reset", 60, before.proven("pwd") if proven else before)
    await here.auth.subjects.change("ann", event)
    with pytest.raises(Revoked):
        await here.auth.tickets.spend(text, "reset")


async def test_a_ticket_minted_while_disabled_is_not_spent_before_nor_after(here: World) -> None:
    await here.auth.subjects.change("ann", Subject.disabled)
    text = await here.auth.tickets.mint("reset", 60, await here.auth.subjects.before("ann"))
    for _ in range(2):
        with pytest.raises(Revoked):
            await here.auth.tickets.spend(text, "reset")
        await here.auth.subjects.change("ann", Subject.enabled)


async def test_a_change_between_reading_the_floor_and_taking_leaves_a_proof_that_opens_nothing(here: World) -> None:
    text = await here.auth.tickets.mint("second factor", 60, await here.proof())
    with here.store.once(here.store.before, "commit", lambda: here.auth.subjects.change("ann", Subject.proof_changed)):
        ticket = await here.auth.tickets.spend(text, "second factor")
    started = await here.auth.sessions.start(ticket.proof(here.clock.now()))
    assert await here.auth.sessions.get(started.session.id) is None


@pytest.mark.parametrize("subject", ["ann", None])
async def test_a_restore_makes_tickets_void_in_every_process(here: World, subject: str | None) -> None:
    before = None if subject is None else await here.auth.subjects.before(subject)
    text = await here.auth.tickets.mint("reset", 60, before)
    async with authority(here.store, here.clock) as another:
        await another.restore()
        with pytest.raises(Revoked):
            await here.auth.tickets.spend(text, "reset")


async def test_any_text_is_a_ticket_or_refused(here: World) -> None:
    good = await here.auth.tickets.mint("reset", 60)
    texts = ["", PREFIX, good[:-1], good + "x", good.upper(), good.replace(".", ".."), PREFIX + "." * 66, "\ud800"]
    for text in [*texts, good[:-1] + "é", PREFIX + "a/" * 11 + "." + "A" * 43]:
        with pytest.raises(BadCredential):
            await here.auth.tickets.spend(text, "reset")
