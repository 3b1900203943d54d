"""The lag of a revocation, measured over processes where it is known."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from admit.lab.crew import Crew, crew
from admit.lab.report import Revocation
from admit.lab.revocation import Pace, measured
from admit.lab.strategy import ENDINGS, Plan
from lab.planted import LAG, STRATEGIES

PACE = Pace(servers=2, repeats=1, lifetime=2.0)
PACES = {"deaf": replace(PACE, patience=0.4), "says it spares keys": replace(PACE, patience=0.4)}
NAMES = (
    *("prompt", "late", "late in one server", "deaf", "expires only", "better than it says"),
    *("spares keys", "says it spares keys"),
)

Found = dict[str, tuple[Revocation, ...]]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Found:
    """What is measured of each of them, in the same processes at the same time."""

    async def one(name: str, folder: Path, processes: Crew) -> tuple[Revocation, ...]:
        plan = Plan(name, f"file://{folder}", bytes(32))
        return await measured(STRATEGIES[name], plan, "sqlite", processes, PACES.get(name, PACE))

    async def each() -> Found:
        async with crew(PACE.servers, table="lab.planted") as processes:
            every = [one(name, tmp_path_factory.mktemp("lab"), processes) for name in NAMES]
            return dict(zip(NAMES, await asyncio.gather(*every), strict=True))

    return asyncio.run(each())


def test_each_sort_of_end_is_measured(found: Found) -> None:
    assert {tuple(ends.how for ends in every) for every in found.values()} == {ENDINGS}


def test_who_is_refused_at_once_has_no_lag(found: Found) -> None:
    for ends in found["prompt"]:
        assert (ends.lags, ends.lifetime, ends.note) == ((0.0,), None, "")


@pytest.mark.parametrize("name", ["late", "late in one server"])
def test_a_lag_is_found_though_a_single_server_has_it(found: Found, name: str) -> None:
    for ends in found[name]:
        (lag,) = ends.lags
        # Never more than what was planted; less only by what the servers were busy with at the very end.
        assert LAG * 1e3 / 4 < lag <= LAG * 1e3
        assert ends.lifetime is None


def test_what_only_its_expiry_ends_is_measured_with_a_short_life_and_says_so(found: Found) -> None:
    for ends in found["expires only"]:
        assert ends.lifetime is not None
        assert 0 < ends.lags[0] <= ends.lifetime * 1e3
        assert f"a lifetime of {ends.lifetime:g} s" in ends.note


def test_an_end_that_is_noticed_is_told_from_an_expiry_whatever_the_strategy_says(found: Found) -> None:
    for ends in found["better than it says"]:
        assert (ends.lags, ends.lifetime, ends.note) == ((0.0,), None, "")


def test_an_end_that_is_never_noticed_is_not_taken_for_a_short_lag(found: Found) -> None:
    for ends in found["deaf"]:
        assert ends.lags[0] > 100
        assert "1 of 1 still got in when it was given up" in ends.note


def test_what_an_end_leaves_alone_is_seen_to_go_on_until_all_others_are_refused(found: Found) -> None:
    spared = {ends.how: ends for ends in found["spares keys"] if ends.goes_on is not None}
    assert set(spared) == {"password change"}
    ends = spared["password change"]
    assert ends.goes_on
    assert (ends.lags, ends.lifetime) == ((), None)
    assert "goes on, as it is meant to" in ends.note


def test_what_is_ended_though_it_was_to_go_on_is_told_as_ended(found: Found) -> None:
    for ends in found["says it spares keys"]:
        assert (ends.goes_on, ends.lags) == (None, (0.0,))
