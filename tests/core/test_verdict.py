"""The decision: what was found good holds as long as nothing that is known says otherwise."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admit.core.log import Copy, Ended, Entry, Raised
from admit.core.principal import Ends, Principal
from admit.core.verdict import Seen, judge
from admit.errors import Expired, Revoked

GEN = 10
MARKS = ("sid", "sid.1", "jti", "key", "kid")


def seen(gen: int = GEN, marks: tuple[str, str, str, str, str] = MARKS, until: float = 100) -> Seen:
    principal = Principal(
        subject="ann",
        credential="session",
        session="sid",
        scope=frozenset(),
        roles=frozenset(),
        methods=(),
        authenticated_at=0,
        expires_at=100,
        gen=gen,
        marks=marks,
        client="web",
        client_gen=gen,
    )
    return Seen(principal, until)


def knowing(*entries: Entry) -> Copy:
    copy = Copy()
    for entry in entries:
        copy.apply(entry, 0, 0)
    return copy


def test_it_holds_until_its_time_and_not_at_it() -> None:
    judge(seen(), Copy(), 99.999)
    for now in (100, 101, float("inf")):
        with pytest.raises(Expired):
            judge(seen(), Copy(), now)


@pytest.mark.parametrize("kind", Ends)
def test_the_end_of_any_of_its_marks_ends_it(kind: Ends) -> None:
    with pytest.raises(Revoked):
        judge(seen(), knowing(Ended(kind, MARKS[kind])), 0)


@pytest.mark.parametrize("kind", Ends)
def test_an_end_of_another_kind_or_id_does_not(kind: Ends) -> None:
    others = [Ended(other, MARKS[kind]) for other in Ends if other is not kind]
    judge(seen(), knowing(Ended(kind, "other"), *others), 0)


@pytest.mark.parametrize(
    "entry, holds",
    [
        (Raised("ann", GEN), True),
        (Raised("ann", GEN + 1), False),
        (Raised("bob", GEN + 1), True),
        (Raised("*", GEN), True),
        (Raised("*", GEN + 1), False),
        (Raised("sid", GEN + 1), True),
        (Raised("c:web", GEN), True),
        (Raised("c:web", GEN + 1), False),
        (Raised("c:we", GEN + 1), True),
        (Raised("web", GEN + 1), True),
    ],
)
def test_a_generation_ends_what_was_found_under_a_lower_one(entry: Entry, holds: bool) -> None:
    if holds:
        judge(seen(), knowing(entry), 0)
    else:
        with pytest.raises(Revoked):
            judge(seen(), knowing(entry), 0)


entries = st.lists(
    st.builds(Ended, st.sampled_from(Ends), st.sampled_from([*MARKS, "other"]))
    | st.builds(Raised, st.sampled_from(["ann", "bob", "c:web", "c:app", "*"]), st.integers(GEN - 2, GEN + 2))
)


def holds(found: Seen, copy: Copy) -> bool:
    try:
        judge(found, copy, 0)
    except Revoked:
        return False
    return True


@given(entries, st.integers(GEN - 2, GEN + 2), st.data())
def test_order_and_repetition_do_not_change_the_verdict_and_more_never_brings_back(
    all: list[Entry], gen: int, data: st.DataObject
) -> None:
    found = seen(gen)
    shuffled = data.draw(st.permutations(all + all[: len(all) // 2]))
    assert holds(found, knowing(*shuffled)) is holds(found, knowing(*all))
    verdicts = [holds(found, knowing(*all[:known])) for known in range(len(all) + 1)]
    assert verdicts == sorted(verdicts, reverse=True)
