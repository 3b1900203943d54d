"""The copy of the revocation log: what it knows does not depend on order, and is forgotten only when it may be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from admit.core.log import KEEP, MAX_CLOCK_FALL, TICK, Began, Copy, Ended, Entry, Raised, decode, encode
from admit.core.principal import Ends
from admit.core.store import Cursor, Page
from admit.errors import StoreError
from admit.testing.clock import FakeClock

kinds = st.sampled_from(Ends)
names = st.sampled_from(["a", "b", "c"])
entries: st.SearchStrategy[Entry] = (
    st.builds(Ended, kinds, names)
    | st.builds(Raised, st.sampled_from(["ann", "bob", "*"]), st.integers(0, 5))
    | st.builds(Began, names)
)


def known(copy: Copy) -> tuple[tuple[frozenset[str], ...], dict[str, int], int]:
    return tuple(map(frozenset, copy.ended)), dict(copy.raised), copy.term


def after(all: list[Entry]) -> Copy:
    copy = Copy()
    for entry in all:
        copy.apply(entry, 0, 0)
    return copy


@given(entries)
def test_an_entry_reads_back_as_it_was_written(entry: Entry) -> None:
    assert decode(encode(entry)) == entry


@given(
    st.binary()
    | st.sampled_from(
        [b'["ended",9,"x"]', b'["other",1]', b'["ended",0]', b'["raised","x",true]', b'["ended",0,"\xff"]']
    )
)
def test_an_entry_that_cannot_be_read_is_never_passed_over(line: bytes) -> None:
    with pytest.raises(StoreError, match="cannot be read"):
        decode(line)


@given(st.lists(entries), st.data())
def test_entries_in_any_order_and_again_make_the_same_copy(all: list[Entry], data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(all + data.draw(st.lists(st.sampled_from(all)) if all else st.just([]))))
    assert known(after(shuffled)) == known(after(all))


@given(st.lists(entries))
def test_live_names_exactly_the_kinds_of_which_something_has_ended(told: list[Entry]) -> None:
    copy = after(told)
    assert [kind for kind, _ in copy.live] == [kind for kind in Ends if copy.ended[kind]]
    assert all(ids is copy.ended[kind] for kind, ids in copy.live)
    assert len(copy) == sum(len(ids) for ids in copy.ended) + len(copy.raised)


def page(*entries: Entry, cursor: str = "1", stamp: bytes = b"12345678", end: bool = True) -> Page:
    return Page(tuple(map(encode, entries)), Cursor(cursor), end, stamp)


def test_only_reading_moves_the_cursor() -> None:
    copy = Copy()
    copy.take(page(Ended(Ends.SESSION, "a")), 0, 0)
    stood = copy.cursor, copy.stamp
    copy.apply(Ended(Ends.SESSION, "b"), 0, 0)
    assert (copy.cursor, copy.stamp) == stood == ("1", b"12345678")
    assert copy.ended[Ends.SESSION] == {"a", "b"}


def test_a_page_with_an_entry_that_cannot_be_read_is_not_taken() -> None:
    copy = Copy()
    with pytest.raises(StoreError):
        copy.take(Page((encode(Ended(Ends.SESSION, "a")), b"?"), Cursor("2"), True, b"x"), 0, 0)
    assert copy.cursor is None
    assert len(copy) == 0


def test_starting_over_keeps_what_is_known() -> None:
    copy = Copy()
    copy.take(page(Ended(Ends.SESSION, "a"), Raised("ann", 1), Raised("*", 2)), 0, 0)
    before = known(copy)
    copy.start_over()
    assert (copy.cursor, copy.stamp, known(copy)) == (None, b"", before)


@pytest.mark.parametrize("wall, lease", [(KEEP + 1, 0), (0, KEEP + 1), (KEEP + 1, KEEP - 1), (KEEP - 1, KEEP + 1)])
def test_one_clock_alone_does_not_make_it_forget(wall: float, lease: float) -> None:
    copy = after([Ended(Ends.SESSION, "a"), Raised("ann", 1)])
    copy.tick(wall, lease)
    assert len(copy) == 2
    copy.tick(KEEP + 1, KEEP + 1)
    assert len(copy) == 0
    assert copy.live == ()


def test_what_comes_later_in_a_minute_keeps_all_of_that_minute() -> None:
    copy = Copy()
    copy.apply(Ended(Ends.SESSION, "a"), 0, 0)
    copy.apply(Ended(Ends.SESSION, "b"), 59, 59)
    copy.tick(KEEP + 58, KEEP + 58)
    assert copy.ended[Ends.SESSION] == {"a", "b"}
    copy.apply(Ended(Ends.SESSION, "c"), KEEP + 60, KEEP + 60)
    copy.tick(KEEP + 60, KEEP + 60)
    assert copy.ended[Ends.SESSION] == {"c"}


def test_a_generation_raised_again_is_kept_as_long_as_the_later_one() -> None:
    copy = Copy()
    copy.apply(Raised("ann", 1), 0, 0)
    copy.apply(Raised("ann", 2), 100, 100)
    copy.tick(KEEP + 1, KEEP + 1)
    assert copy.raised == {"ann": 2}
    copy.tick(KEEP + 101, KEEP + 101)
    assert copy.raised == {}


def test_a_compromised_signing_key_and_the_term_are_never_forgotten() -> None:
    copy = after([Ended(Ends.KEY, "kid"), Raised("*", 7), Ended(Ends.TOKEN, "jti")])
    copy.tick(1e12, 1e12)
    assert copy.ended[Ends.KEY] == {"kid"}
    assert copy.term == 7
    assert copy.live == ((Ends.KEY, {"kid"}),)


def test_a_wall_clock_set_back_by_more_than_30_seconds_makes_it_start_over() -> None:
    for fall, starts_over in ((MAX_CLOCK_FALL - 1, False), (MAX_CLOCK_FALL + 1, True)):
        copy = Copy()
        copy.take(page(Ended(Ends.SESSION, "a")), 1_000, 0)
        copy.tick(1_000, 0)
        copy.tick(1_001 - fall, 1)
        assert (copy.cursor is None) is starts_over
        assert copy.ended[Ends.SESSION] == {"a"}


def test_many_small_falls_count_together_and_each_large_one_anew() -> None:
    copy, clock = Copy(), FakeClock()
    copy.tick(clock.now(), clock.lease())
    started = 0
    for _ in range(10):
        copy.take(page(Began("x")), clock.now(), clock.lease())
        clock.advance(5)
        clock.step_wall(-10)
        copy.tick(clock.now(), clock.lease())
        started += copy.cursor is None
    assert started == 2  # after 40 seconds, and after 40 more


def test_a_wall_clock_that_was_ahead_and_is_set_right_makes_it_start_over() -> None:
    copy, clock = Copy(), FakeClock()
    clock.step_wall(3600)
    copy.tick(clock.now(), clock.lease())
    copy.take(page(Began("x")), clock.now(), clock.lease())
    clock.step_wall(-3600)
    copy.tick(clock.now(), clock.lease())
    assert copy.cursor is None


def test_between_two_ticks_there_is_a_second_and_none_before_it() -> None:
    copy = Copy()
    assert not copy.quiet_from <= 100 < copy.quiet_until
    copy.tick(100, 0)
    assert (copy.quiet_from, copy.quiet_until) == (100, 100 + TICK)


def test_what_a_fork_left_half_done_is_finished_in_the_child() -> None:
    copy = Copy()
    copy.ended[Ends.SESSION].add("s0")  # and its parent's thread would have said next that there are sessions
    copy.begin_anew()
    assert copy.live == ((Ends.SESSION, {"s0"}),)


class Forgetting(RuleBasedStateMachine):
    """Whatever both clocks do, an entry is known until each of them has moved KEEP seconds since it was applied."""

    def __init__(self) -> None:
        super().__init__()
        self.copy, self.clock = Copy(), FakeClock()
        self.applied: dict[str, tuple[float, float]] = {}

    @rule(kind=st.sampled_from([Ends.SESSION, Ends.TOKEN]))
    def end(self, kind: Ends) -> None:
        id = str(len(self.applied))
        self.copy.apply(Ended(kind, id), self.clock.now(), self.clock.lease())
        self.applied[id] = self.clock.now(), self.clock.lease()

    @rule(seconds=st.floats(0, 2 * KEEP))
    def advance(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @rule(seconds=st.floats(-2 * KEEP, 2 * KEEP))
    def step(self, seconds: float) -> None:
        self.clock.step_wall(seconds)

    @rule()
    def tick(self) -> None:
        now, lease = self.clock.now(), self.clock.lease()
        before = set[str]().union(*self.copy.ended)
        self.copy.tick(now, lease)
        for id in before.difference(*self.copy.ended):
            assert now > self.applied[id][0] + KEEP
            assert lease > self.applied[id][1] + KEEP

    @rule()
    def tick_when_all_may_go(self) -> None:
        self.clock.advance(10 * KEEP)
        self.clock.step_wall(max([wall for wall, _ in self.applied.values()] + [self.clock.now()]) - self.clock.now())
        self.clock.advance(10 * KEEP)
        self.tick()
        assert len(self.copy) == 0


TestForgetting = Forgetting.TestCase
