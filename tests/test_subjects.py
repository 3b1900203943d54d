"""Subjects: one generation and a few floors, by which whole groups of credentials end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from admit.core.log import Raised, decode
from admit.errors import BadInput, Revoked, StoreUnavailable
from admit.ledger import TRIES
from admit.subjects import MAX_ROLE_LENGTH, MAX_ROLES, Event, Subject, checked_roles
from worlds import KINDS, World, world


@pytest.fixture(params=KINDS)
async def here(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    async with world(request.param, tmp_path) as found:
        yield found


def with_roles(subject: Subject) -> Subject:
    return subject.with_roles(["user"])


async def test_a_subject_that_was_never_written_reads_as_active_in_this_term(here: World) -> None:
    term = here.auth.subjects._ledger.term
    assert term >> 20 == int(here.clock.now())
    assert await here.auth.subjects.get("ann") == Subject(gen=term, floor=term, app_floor=term, key_floor=0)


@pytest.mark.parametrize(
    "event, raised",
    [
        (Subject.signed_out, {"floor"}),
        (Subject.proof_changed, {"floor", "app_floor"}),
        (Subject.proof_reset, {"floor", "app_floor", "key_floor"}),
        (Subject.disabled, {"floor", "app_floor"}),
        (Subject.enabled, {"floor", "app_floor"}),
        (with_roles, set()),
    ],
)
async def test_every_event_raises_the_generation_by_one_and_its_floors_to_it_and_tells(
    here: World, event: Event, raised: set[str]
) -> None:
    before = await here.auth.subjects.get("ann")
    subject = await here.auth.subjects.change("ann", event)
    assert subject == await here.auth.subjects.get("ann")
    assert subject.gen == before.gen + 1
    for name in ("floor", "app_floor", "key_floor"):
        assert getattr(subject, name) == (subject.gen if name in raised else getattr(before, name))
    assert subject.active is (event is not Subject.disabled)
    assert subject.roles == (("user",) if event is with_roles else ())
    assert here.auth.subjects._ledger.copy.raised["ann"] == subject.gen
    page = await here.store.inner.log("revocations", None)
    assert Raised("ann", subject.gen) in [decode(line) for line in page.entries]


async def test_of_many_changes_at_once_none_is_lost(here: World) -> None:
    here.store.interleave()
    before = (await here.auth.subjects.get("ann")).gen
    await asyncio.gather(*(here.auth.subjects.change("ann", Subject.signed_out) for _ in range(TRIES - 2)))
    assert (await here.auth.subjects.get("ann")).gen == before + TRIES - 2


async def test_who_is_overtaken_every_time_gives_up(here: World) -> None:
    async def overtake() -> None:
        del here.store.before["commit"]
        await here.auth.subjects.change("ann", Subject.signed_out)
        here.store.before["commit"] = overtake

    here.store.before["commit"] = overtake
    with pytest.raises(StoreUnavailable, match="conflicts"):
        await here.auth.subjects.change("ann", Subject.signed_out)


async def test_a_change_that_is_refused_leaves_nothing_behind(here: World) -> None:
    before = await here.auth.subjects.get("ann")
    with pytest.raises(BadInput):
        await here.auth.subjects.change("ann", lambda subject: subject.with_roles(["two words"]))
    assert await here.auth.subjects.get("ann") == before


@pytest.mark.parametrize("name", ["*", "c:web", "", "a\nb", "\ud800", "x" * 129])
async def test_a_name_that_means_something_else_ends_nothing_wherever_it_is_asked_for(here: World, name: str) -> None:
    subjects, sessions = here.auth.subjects, here.auth.sessions
    started = await here.sign_in()
    for asked in (
        subjects.get(name),
        subjects.before(name),
        subjects.change(name, Subject.proof_reset),
        sessions.sign_out_everywhere(name),
        sessions.of(name),
    ):
        with pytest.raises(BadInput):
            await asked
    assert (await here.by_cookie(started)).subject == "ann"


async def test_a_proof_inherits_the_generation_from_before(here: World) -> None:
    before = await here.auth.subjects.before("ann")
    await here.auth.subjects.change("ann", Subject.signed_out)
    proof = before.proven("pwd", "otp")
    assert (proof.subject, proof.gen, proof.at) == ("ann", before.gen, here.clock.now())
    assert proof.methods == ("pwd", "otp")
    assert proof.gen < (await here.auth.subjects.get("ann")).floor


async def test_a_disabled_subject_proves_nothing(here: World) -> None:
    await here.auth.subjects.change("ann", Subject.disabled)
    with pytest.raises(Revoked):
        (await here.auth.subjects.before("ann")).proven("pwd")


async def test_no_generation_but_that_of_keys_is_below_the_term_whatever_is_kept(here: World) -> None:
    await here.auth.subjects.change("ann", with_roles)
    here.clock.advance(1)
    await here.auth.restore()
    term = here.auth.subjects._ledger.term
    subject = await here.auth.subjects.get("ann")
    assert subject == Subject(gen=term, floor=term, app_floor=term, key_floor=0, roles=("user",))


def test_roles_are_kept_in_order_and_once() -> None:
    assert checked_roles(["b", "a", "b"]) == ("a", "b")


@pytest.mark.parametrize(
    "roles",
    [[""], ["two words"], ["é"], ["x" * (MAX_ROLE_LENGTH + 1)], ["a\n"], [str(n) for n in range(MAX_ROLES + 1)]],
)
def test_roles_are_a_few_visible_words(roles: list[str]) -> None:
    with pytest.raises(BadInput) as refused:
        checked_roles(roles)
    assert refused.value.code == "bad_role"
