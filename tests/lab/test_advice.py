from __future__ import annotations

import dataclasses
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admit.lab import traits
from admit.lab.advice import Advice, advise, obstacle
from admit.lab.questions import BOUNDS, Answers, every_answer, one_apart
from admit.lab.report import Lane, Path, Value
from lab.made_up import report

ALL = report().lanes
ANSWERS = list(every_answer())
ORDINARY = Answers("browsers", "at once", "one", "no", "either")


def advice(lanes: tuple[Lane, ...] = ALL, **others: str) -> Advice:
    return advise(lanes, dataclasses.replace(ORDINARY, **others))  # type: ignore[arg-type]


@st.composite
def measured(draw: st.DrawFn) -> tuple[Lane, ...]:
    """Lanes as they might have been measured: some of them, each with lags and prices of its own."""
    chosen = draw(
        st.lists(st.sampled_from(ALL), min_size=1, max_size=12, unique_by=lambda lane: (lane.about.id, lane.store))
    )
    chance = random.Random(draw(st.integers(0, 1 << 20)))
    return tuple(_another(chance, lane) for lane in chosen)


def _another(chance: random.Random, lane: Lane) -> Lane:
    assert lane.path
    lags = tuple(
        dataclasses.replace(ends, lags=tuple(10 ** chance.uniform(-1, 5) for _ in range(3)))
        for ends in lane.revocations
    )
    price = 10 ** chance.uniform(-1, 4)
    path = dataclasses.replace(lane.path, p50=Value(price, price, price, 3))
    return dataclasses.replace(
        lane,
        revocations=chance.choice([lags, ()]),
        path=chance.choice([path, path, None]),
        outages=chance.choice([lane.outages, ()]),
    )


@given(measured(), st.sampled_from(ANSWERS))
def test_nothing_is_recommended_that_does_not_do_what_was_asked(lanes: tuple[Lane, ...], answers: Answers) -> None:
    choice = advise(lanes, answers).choice
    if choice is None:
        assert all(obstacle(lane, answers) for lane in lanes)
        return
    lags = [lag for ends in choice.revocations for lag in ends.lags]
    assert max(lags) / 1e3 <= BOUNDS[answers.within]
    assert answers.within in {"minutes", "expiry"} or all(ends.lifetime is None for ends in choice.revocations)
    assert choice.store != "memory"
    assert answers.servers == "one" or choice.store != "sqlite" or choice.about.outsiders
    assert answers.outsiders == "no" or choice.about.outsiders
    assert (choice.about.carrier == "cookie") is (answers.clients == "browsers")
    if answers.failure == "open":
        assert traits.stays_open(choice)
    if answers.failure == "closed":
        wrong = traits.longest_wrong(choice)
        assert wrong is not None
        assert wrong <= BOUNDS[answers.within]


@given(measured(), st.sampled_from(ANSWERS))
def test_who_asks_for_less_is_never_left_with_nothing(lanes: tuple[Lane, ...], answers: Answers) -> None:
    if advise(lanes, answers).choice is None:
        return
    order = list(BOUNDS)
    for slower in order[order.index(answers.within) :]:
        assert advise(lanes, dataclasses.replace(answers, within=slower, failure="either", outsiders="no")).choice


@given(measured(), st.sampled_from(ANSWERS))
def test_where_nothing_fits_each_way_out_that_is_named_is_one(lanes: tuple[Lane, ...], answers: Answers) -> None:
    found = advise(lanes, answers)
    if found.choice is None:
        said = " ".join(found.why)
        for reads, other in one_apart(answers):
            assert (f"“{reads}”" in said) is (advise(lanes, other).choice is not None)


def test_one_machine_and_browsers_are_best_served_by_plain_sessions_in_a_file() -> None:
    found = advice()
    assert found.choice
    assert (found.choice.about.id, found.choice.store) == ("session", "sqlite")
    assert any(line.startswith("Admit's leases fit too, and take") for line in found.others)


def test_programs_of_third_parties_that_may_wait_are_best_served_by_a_stateless_token() -> None:
    found = advice(clients="machines", within="expiry", servers="many", outsiders="yes")
    assert found.choice
    assert (found.choice.about.family, found.choice.store) == ("jwt", "none")


def test_a_read_over_a_network_that_is_noticed_loses_to_a_lease() -> None:
    found = advice(servers="some")
    assert found.choice
    assert found.choice.about.family == "admit"


def test_a_lease_that_was_measured_too_slow_loses_to_a_read() -> None:
    late = tuple(
        dataclasses.replace(lane, revocations=tuple(dataclasses.replace(ends, lags=(140.0,)) for ends in lane.revocations))
        if lane.about.family == "admit" else lane
        for lane in ALL
    )  # fmt: skip
    found = advice(late, servers="some")
    assert found.choice
    assert found.choice.about.family == "session"
    assert "Admit's leases do not fit: an end took up to 140 ms to take effect." in found.others


def test_a_read_that_nobody_notices_wins_over_a_lease_also_on_many_machines() -> None:
    cheap = tuple(
        dataclasses.replace(lane, path=Path(Value(20, 20, 20, 3), Value(30, 30, 30, 3), Value(20, 20, 20, 3), 1.0, 0.0))
        if lane.about.family == "session" else lane
        for lane in ALL
    )  # fmt: skip
    found = advice(cheap, servers="some")
    assert found.choice
    assert found.choice.about.family == "session"


def test_who_must_get_in_while_the_store_is_down_cannot_be_ended_within_seconds() -> None:
    found = advice(clients="apps", within="seconds", servers="some", failure="open")
    assert found.choice is None
    assert found.why[0] == "Nothing that was measured does all of it."
    assert "“Within 10 minutes” (Hybrid · SQLite)" in found.why[1]


def test_without_a_store_that_machines_share_it_says_how_to_measure_one() -> None:
    found = advice(report(stores=("memory", "sqlite", "none")).lanes, servers="some")
    assert found.choice is None
    assert "--store" in found.why[-1]


@pytest.mark.parametrize("lifetime", [None, 3.0])
def test_a_lag_measured_with_a_short_life_counts_as_the_life_that_is_used(lifetime: float | None) -> None:
    lane = next(lane for lane in ALL if lane.about.family == "jwt")
    ends = dataclasses.replace(lane.revocations[0], lags=(2_900.0,), lifetime=lifetime)
    assert traits.lag_of(lane, ends) == (2.9 if lifetime is None else 86_400.0)
