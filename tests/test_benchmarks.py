"""What compares two runs of the benchmarks tells a change from noise, and fails for a ratio that got worse."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

COMPARE = Path(__file__).parent.parent / "bench" / "compare.py"
HERE, ELSEWHERE = {"processor": "one"}, {"processor": "another"}


def run(path: Path, figure: float, *, unit: str = "×", direction: str = "max", machine: Any = HERE) -> Path:
    """One figure, which was within a tenth of it in every slice."""
    row = {"case": "a thing", "figure": figure, "least": figure * 0.95, "most": figure * 1.05, "unit": unit,
           "bar": None, "direction": direction, "holds": True}  # fmt: skip
    path.write_text(json.dumps([{"bench": "verify", "machine": machine, "rows": [row]}]))
    return path


def compared(now: Path, then: Path) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, COMPARE, now, "--baseline", then], capture_output=True, text=True, check=False, timeout=60
    )
    return done.returncode, done.stdout.splitlines()[-1]


@pytest.mark.parametrize(
    ("then", "now", "direction", "code", "told"),
    [
        (1.0, 1.05, "max", 0, "1 as before, 0 better, 0 worse"),
        (1.0, 1.3, "max", 1, "0 as before, 0 better, 1 worse"),
        (1.0, 0.7, "max", 0, "0 as before, 1 better, 0 worse"),
        (1.0, 0.7, "min", 1, "0 as before, 0 better, 1 worse"),
        (1.0, 1.3, "min", 0, "0 as before, 1 better, 0 worse"),
    ],
)
def test_a_ratio_changed_when_the_spreads_do_not_meet(
    then: float, now: float, direction: str, code: int, told: str, tmp_path: Path
) -> None:
    before = run(tmp_path / "then", then, direction=direction)
    assert compared(run(tmp_path / "now", now, direction=direction), before) == (code, told)


def test_times_of_another_machine_are_not_compared_and_those_of_this_one_never_fail(tmp_path: Path) -> None:
    now = run(tmp_path / "now", 2.0, unit="ms")
    assert compared(now, run(tmp_path / "here", 1.0, unit="ms")) == (0, "0 as before, 0 better, 1 worse")
    other = run(tmp_path / "elsewhere", 1.0, unit="ms", machine=ELSEWHERE)
    assert compared(now, other) == (0, "0 as before, 0 better, 0 worse")
    assert compared(run(tmp_path / "ratio", 2.0), run(tmp_path / "else", 1.0, machine=ELSEWHERE))[0] == 1


def test_without_a_run_it_says_what_to_do(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, COMPARE, tmp_path / "none"], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 2
    assert "make bench" in done.stderr


def test_the_baseline_has_every_benchmark_and_calls_a_higher_rate_better() -> None:
    kept = json.loads((COMPARE.parent / "baseline.json").read_bytes())
    assert {one["bench"] for one in kept} == {
        "verify", "cold", "revocation", "forward", "fleet", "guard", "refresh", "stores",
    }  # fmt: skip
    rates = [row for one in kept for row in one["rows"] if row["unit"] == "/s"]
    assert rates
    assert {row["direction"] for row in rates} == {"min"}
