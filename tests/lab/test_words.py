from __future__ import annotations

import pytest

from admit.lab.words import digits, duration, lag, rate, size


@pytest.mark.parametrize(
    ("microseconds", "reads"),
    [(0, "0 µs"), (0.84, "0.84 µs"), (9.05, "9.1 µs"), (999, "999 µs"), (1_500, "1.5 ms"), (2e6, "2 s"), (3e8, "5 min"), (86.4e9, "24 h")],
)  # fmt: skip
def test_a_time_has_the_unit_that_fits(microseconds: float, reads: str) -> None:
    assert duration(microseconds) == reads


def test_what_was_noticed_at_once_is_said_so() -> None:
    assert lag(0) == "at once"
    assert lag(12.4) == "12 ms"


@pytest.mark.parametrize(
    ("amount", "reads"),
    [(0, "0 B"), (402.4, "402 B"), (9_999, "9,999 B"), (12_000, "12 kB"), (402e6, "402 MB"), (1.5e12, "1.5 TB")],
)
def test_bytes_have_the_unit_that_fits(amount: float, reads: str) -> None:
    assert size(amount) == reads


@pytest.mark.parametrize(
    ("per_second", "reads"), [(84.2, "84"), (999_999, "1 M"), (1_940_000, "1.9 M"), (20_451, "20,450")]
)
def test_a_rate_has_as_many_digits_as_it_is_worth(per_second: float, reads: str) -> None:
    assert rate(per_second) == reads


@pytest.mark.parametrize(("number", "reads"), [(0.00123, "0.0012"), (1.0, "1"), (12.3, "12"), (1_234, "1,234")])
def test_numbers_have_two_digits_that_count_or_all_of_their_integer_part(number: float, reads: str) -> None:
    assert digits(number) == reads
