"""How old what is known may be: agreed on by all who serve a store, told to verifiers, and counted with in receipts."""

from __future__ import annotations

from pathlib import Path

import pytest

from admit import Verifier
from admit.authority import Authority
from admit.core.audit import Act
from admit.core.lease import CLOCKS_RUN, LONGEST
from admit.core.log import Allowed, Began, Copy, encode
from admit.core.store import LATE
from admit.errors import StoreUnavailable
from admit.receipts import Receipt
from admit.staleness import Staleness
from admit.stores.memory import MemoryStore
from admit.testing.clock import FakeClock
from admit.trail import acting
from admit.web import application
from doors import ISSUER, Door, authority
from followed import AUDIENCE, KEY, asking, clock, liar, token, until
from liar import Liar
from services import PassingClock

__all__ = ["clock", "liar"]

A_MOMENT = 0.01


class Fleet:
    """Processes that serve one store, each told a bound of its own when it is started."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.store = MemoryStore()

    async def start(self, seconds: float | None = None) -> Authority:
        auth = authority(store=self.store, clock=self.clock, max_staleness=seconds)
        await auth.open()
        return auth

    async def lasts(self, auth: Authority) -> float:
        """Seconds until, by its receipt, what ends now is accepted nowhere."""
        receipt: Receipt = await auth.everywhere()
        return (receipt.effective_by - self.clock.now()) / CLOCKS_RUN


@pytest.fixture
def fleet() -> Fleet:
    return Fleet()


async def test_a_smaller_bound_counts_once_nobody_can_go_by_the_larger_one(fleet: Fleet) -> None:
    await fleet.start(60)
    after = await fleet.start(0.5)
    assert after.max_staleness == 0.5
    fleet.clock.advance(59)
    assert await fleet.lasts(after) == pytest.approx(60)
    fleet.clock.advance(2)
    assert await fleet.lasts(after) == pytest.approx(0.5)


async def test_who_serves_on_takes_up_what_whoever_starts_later_was_told(fleet: Fleet) -> None:
    before = await fleet.start(2)
    fleet.clock.advance(60)
    await fleet.start(0.5)
    assert await fleet.lasts(before) == pytest.approx(2)
    assert before.max_staleness == 0.5
    fleet.clock.advance(2 * CLOCKS_RUN + A_MOMENT)
    assert await fleet.lasts(before) == pytest.approx(0.5)


async def test_a_larger_bound_counts_at_once_in_every_process(fleet: Fleet) -> None:
    before = await fleet.start(2)
    await fleet.start(60)
    assert await fleet.lasts(before) == pytest.approx(60)
    assert before.max_staleness == 60


async def test_who_was_told_nothing_changes_nothing(fleet: Fleet) -> None:
    assert (await fleet.start()).max_staleness == 2
    server = await fleet.start(0.3)
    assert (await fleet.start()).max_staleness == server.max_staleness == 0.3


async def test_another_bound_is_noted_with_who_set_it_and_the_same_is_not(fleet: Fleet) -> None:
    for seconds in (None, 2.0, 5.0, 5.0, None, 1.5):
        with acting(operator="ann"):
            last = await fleet.start(seconds)
    await last.restore()
    with acting(operator="bob"):
        await (await fleet.start(3.0)).restore()
    changed = [one for one in (await last.audit.page()).entries if one.act == Act.STALENESS_CHANGED]
    assert sorted((one.what, one.actor) for one in changed) == [("1.5", "ann"), ("3", "bob"), ("5", "ann")]
    for told, count in ((4.0, 3), (None, 2)):  # where all ends, and the bound changes with it
        assert len(await Staleness(told, last._copy, fleet.clock).anew(last._ledger, fleet.store)) == count


async def test_the_largest_of_several_counts_whatever_came_after_it(fleet: Fleet) -> None:
    for seconds in (60, 10, 0.5):
        last = await fleet.start(seconds)
    assert await fleet.lasts(last) == pytest.approx(60)
    fleet.clock.advance(60 * CLOCKS_RUN + A_MOMENT)
    assert await fleet.lasts(last) == pytest.approx(0.5)
    again = await fleet.start(0.5)
    assert await fleet.lasts(again) == pytest.approx(60), "it was not there when that was heard of"
    fleet.clock.advance(LATE)
    assert await fleet.lasts(await fleet.start(0.5)) == pytest.approx(0.5)


async def test_who_hears_late_of_a_larger_and_a_smaller_one_counts_with_the_larger(fleet: Fleet) -> None:
    before = await fleet.start(2)
    await fleet.start(60)
    await fleet.start(0.5)
    fleet.clock.advance(1)
    assert await fleet.lasts(before) == pytest.approx(60)
    fleet.clock.advance(60 * CLOCKS_RUN)
    assert await fleet.lasts(before) == pytest.approx(0.5)


async def test_where_the_log_cannot_be_read_the_longest_counts(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    auth = await fleet.start(2)

    async def fails() -> None:
        raise StoreUnavailable("the disk is gone")

    monkeypatch.setattr(auth, "_ready", fails)
    assert await fleet.lasts(auth) == pytest.approx(LONGEST)
    assert not (await auth.everywhere()).everywhere


async def test_what_is_served_before_anything_else_says_what_the_store_does(fleet: Fleet) -> None:
    await fleet.start(0.5)
    unopened = authority(store=fleet.store, clock=fleet.clock)
    client = Door(unopened, application(unopened), ISSUER).browser()
    found = (await client.get("/.well-known/oauth-authorization-server")).json()
    assert found["max_staleness"] == 0.5


async def test_whoever_was_away_for_days_still_reads_of_it(fleet: Fleet) -> None:
    idle = await fleet.start(0.5)
    await fleet.start(60)
    fleet.clock.advance(30 * 24 * 3_600)
    await (await fleet.start()).purge()
    assert idle.max_staleness == 0.5, "it has read nothing yet"
    assert (await idle.everywhere()).effective_by >= fleet.clock.now() + 60


async def test_a_restore_counts_with_all_that_verifiers_may_have_been_told(fleet: Fleet) -> None:
    auth = await fleet.start(0.5)
    told = Copy()
    told.apply(Allowed(60, fleet.clock.now() + 5, 0.5), 0.0, 0.0)  # in the history that was lost
    fleet.clock.advance(10)
    receipt = await auth.restore()
    assert receipt.effective_by >= fleet.clock.now() + LONGEST
    page = await auth._ledger.log_after(None)
    told.take(page, 0.0, 0.0)
    assert told.allowed is not None
    assert told.allowed.seconds == 0.5
    fleet.clock.advance(LONGEST * CLOCKS_RUN + A_MOMENT)
    assert await fleet.lasts(auth) == pytest.approx(0.5)


async def test_those_who_start_at_once_with_the_same_say_it_once(tmp_path: Path) -> None:
    told: list[int] = []
    for seconds in (2, 0.5, 0.5, 2):
        async with authority(store=f"sqlite:///{tmp_path}/admit.db", max_staleness=seconds) as auth:
            page = await auth._ledger.log_after(None)
            told.append(sum(line.startswith(b'["allowed"') for line in page.entries))
    assert told == [0, 1, 1, 2]


def test_what_was_said_last_counts_in_whatever_order_it_is_read() -> None:
    said = [Allowed(2, 100.0, 0), Allowed(60, 101.0, 2), Allowed(0.5, 102.0, 60), Allowed(0.4, 102.0, 60)]
    for entries in (said, said[::-1], [*said, *said[:2]]):
        copy = Copy()
        copy.learn(entries, 0.0, 0.0)
        assert copy.allowed == said[-1]


def says(liar: Liar, seconds: float, at: float) -> None:
    """The authority's log tells of another bound."""
    liar.entries.append(encode(Allowed(seconds, at, 2)))


def test_a_verifier_holds_a_smaller_bound_as_soon_as_the_log_tells_it(liar: Liar, clock: PassingClock) -> None:
    with Verifier(liar.issuer, audience=AUDIENCE, key=KEY, clock=clock) as verifier:
        strict = verifier.within(0.5)
        says(liar, 1, 100.0)
        until(lambda: verifier._bounded.bound == 1)
        assert strict.bounded.bound == 0.5
        assert verifier.within(1.5).bounded.bound == 1
        says(liar, 0.3, 101.0)
        until(lambda: verifier._bounded.bound == strict.bounded.bound == 0.3)
        says(liar, 2, 102.0)
        says(liar, 60, 103.0)
        until(lambda: verifier._known.copy.allowed == Allowed(60, 103.0, 2))
        assert verifier._bounded.bound == 0.3, "what was known before may not be trusted for longer"


async def test_a_verifier_that_begins_after_a_larger_bound_was_said_goes_by_that(
    liar: Liar, clock: PassingClock
) -> None:
    liar.entries += [encode(Began("once")), encode(Allowed(0.1, 100.0, 2))]
    says(liar, 1, 101.0)
    text = token(liar)
    with Verifier(liar.issuer, audience=AUDIENCE, key=KEY, clock=clock) as verifier:
        assert (await verifier.admit(asking(text))).subject == "ann"
        assert verifier._bounded.bound == 1
