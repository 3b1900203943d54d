"""Limits and policies: what they say, and what is refused as one."""

from __future__ import annotations

from typing import Any

import pytest

from admit.core.throttle import MODERATE, Limit, ThrottlePolicy
from admit.errors import ConfigError


def test_a_limit_is_written_as_tries_and_seconds() -> None:
    assert Limit.read("5/60") == Limit(5, 60.0)


@pytest.mark.parametrize(
    "text", ["", "5", "5/", "/60", "5/60/1", "-5/60", "5/6e1", "5.0/60", " 5/60", "5/999999999", "٥/60"]
)
def test_what_is_no_limit_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="5/60"):
        Limit.read(text)


@pytest.mark.parametrize("now,rest", [(0.0, 60.0), (59.0, 1.0), (60.0, 60.0), (61.5, 58.5)])
def test_who_waits_waits_for_the_next_window(now: float, rest: float) -> None:
    assert Limit(5, 60.0).rest(now) == rest


def test_no_policy_allows_more_than_a_hundred_failures_in_a_row() -> None:
    assert MODERATE.consecutive.hits == 100
    with pytest.raises(ConfigError, match="1 to 100"):
        ThrottlePolicy(consecutive=Limit(101, 86_400.0))


@pytest.mark.parametrize(
    "given",
    [
        {"account": ()},
        {"account": (Limit(0, 60.0),)},
        {"device": (Limit(5, 0.5),)},
        {"source": (Limit(5, 500 * 86_400.0),)},
        {"source": (Limit(5, 60.0), Limit(5, 3_600.0))},
        {"sign_up": (Limit(50, 3_600.0), Limit(60, 60.0))},
        {"sign_up": (Limit(5, float("nan")),)},
        {"consecutive": Limit(0, 86_400.0)},
        {"consecutive": Limit(5, 60.0)},
    ],
)
def test_a_policy_that_limits_nothing_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        ThrottlePolicy(**given)


def test_all_faults_of_a_policy_are_said_at_once() -> None:
    with pytest.raises(ConfigError) as refused:
        ThrottlePolicy(account=(), device=(), consecutive=Limit(0, 0.0))
    assert len(refused.value.faults) == 4
