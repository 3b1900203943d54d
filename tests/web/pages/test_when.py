"""Times as people say them."""

from __future__ import annotations

import pytest

from admit.web.pages import when

NOW = 1_790_000_000.0


@pytest.mark.parametrize(
    "past, said",
    [(-30, "just now"), (59, "just now"), (60, "1 minute ago"), (3_599, "59 minutes ago"), (3_600, "1 hour ago"), (86_399, "23 hours ago"),
     (86_400, "1 day ago"), (13 * 86_400, "13 days ago"), (14 * 86_400, "2 weeks ago"), (60 * 86_400, "on 23 July 2026")],
)  # fmt: skip
def test_how_long_ago(past: float, said: str) -> None:
    assert when.ago(NOW - past, NOW) == said


def test_a_moment_for_people_and_for_machines() -> None:
    assert when.moment(NOW) == "21 September 2026, 14:13 UTC"
    assert when.machine(NOW) == "2026-09-21T14:13:20Z"


@pytest.mark.parametrize(
    "seconds, said",
    [(0, "1 second"), (0.2, "1 second"), (30, "30 seconds"), (119.5, "2 minutes"), (121, "3 minutes")],
)
def test_how_long_to_wait(seconds: float, said: str) -> None:
    assert when.wait(seconds) == said
