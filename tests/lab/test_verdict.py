from __future__ import annotations

import dataclasses
from io import StringIO

import pytest
from rich.console import Console

from admit.lab.report import Lane, Report
from admit.lab.terminal import show
from admit.lab.timeline import told
from admit.lab.verdict import verdict
from lab.made_up import report

REPORT = report()


def says(report: Report, heading: str) -> str:
    found = next(one for one in verdict(report) if one.heading == heading)
    return " ".join((found.says, *(" ".join(line) for line in found.by_family)))


def test_it_says_where_admit_is_not_the_best_and_by_how_much() -> None:
    said = says(REPORT, "Where Admit is not the best")
    assert "Bytes kept at the server: 0 B with JWT HS256, PyJWT" in said
    assert "people who get in during a fault: 100 % with Hybrid" in said


def test_where_it_is_the_best_in_all_it_says_so_and_no_more() -> None:
    ours = dataclasses.replace(REPORT, lanes=tuple(lane for lane in REPORT.lanes if lane.about.family == "admit"))
    assert says(ours, "Where Admit is not the best").startswith("In none of what was measured here.")


@pytest.mark.parametrize(("dearer", "told"), [(1.2, False), (80.0, True)])
def test_what_it_takes_to_see_somebody_for_the_first_time_is_told_where_it_is_more(dearer: float, told: bool) -> None:
    def met(lane: Lane) -> Lane:
        assert lane.path
        first = dataclasses.replace(lane.path.p50, median=lane.path.p50.median * dearer)
        return dataclasses.replace(lane, path=dataclasses.replace(lane.path, first=first, first_operations=2.0))

    lanes = tuple(met(lane) if lane.about.family == "admit" else lane for lane in REPORT.lanes)
    said = says(dataclasses.replace(REPORT, lanes=lanes), "What a request costs")
    assert ("when a server first sees somebody" in said) is told
    assert ("2 store reads" in said) is told


def test_what_only_expires_is_told_by_the_life_that_is_used() -> None:
    said = says(REPORT, "How fast an end takes effect")
    assert "Stateless tokens when it expires, 24 h as used here" in said
    assert "3 s" not in said


def test_without_figures_there_is_no_verdict() -> None:
    empty = tuple(
        dataclasses.replace(lane, storage=None, path=None, throughput=None, revocations=(), outages=())
        for lane in REPORT.lanes
    )
    found = verdict(dataclasses.replace(REPORT, lanes=empty, attacks=()))
    assert [one.heading for one in found] == ["Where Admit is not the best"]


@pytest.mark.parametrize("width", [40, 80, 120, 200])
def test_the_tables_fit_into_any_terminal_and_lose_no_lane(width: int) -> None:
    out = StringIO()
    show(REPORT, Console(file=out, width=width))
    lines = out.getvalue().splitlines()
    assert max(map(len, lines)) <= width
    words = out.getvalue()
    for column in ("p50", "p99", "CPU", "trips", "wire"):
        assert column in words
    # Three figures, each of another part of the table where it is cut into several.
    for figure in ("125 µs", "620 B", "5 min"):
        assert figure in words


def test_an_outage_tells_how_many_requests_it_was_and_for_how_long_one_person() -> None:
    lane = next(lane for lane in REPORT.lanes if lane.about.id == "hybrid" and lane.outages)
    outage = lane.outages[0]
    requests = f"{sum(moment.wrongly_let_in for moment in outage.moments):,}"
    assert told(lane, dataclasses.replace(outage, wrong=1.5))[2] == f"{requests}, one person for 1.5 s"
    assert told(lane, outage)[2:4] == (requests, "nobody")  # an older report tells no persons
