"""Times cases side by side and prints what was found: a table for people, one JSON object for programs."""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import time
import timeit
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

SLICES = 9


@dataclass(frozen=True, slots=True)
class Figure:
    """A median over slices, with the smallest and the largest."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Figure:
        """What ``values``, one of each slice, say."""
        return cls(statistics.median(values), min(values), max(values))


@dataclass(frozen=True, slots=True)
class Row:
    """One figure, and the bar that it is held to: at most (``max``) or at least (``min``); None for a mere report.

    A comparison calls it better by the same ``direction``: rates are the better the higher they are. Raises ValueError.
    ``beside`` is what else there is to say of it.
    """

    case: str
    figure: Figure
    unit: str
    bar: float | None = None
    direction: Literal["max", "min"] = "max"
    beside: str = ""

    def __post_init__(self) -> None:
        if self.unit == "/s" and self.direction == "max":
            raise ValueError(f"{self.case}: a rate that is the better the lower it is")

    @property
    def holds(self) -> bool:
        """Whether the bar is held; a mere report has none to fall below."""
        if self.bar is None:
            return True
        return self.figure.median <= self.bar if self.direction == "max" else self.figure.median >= self.bar


@dataclass(frozen=True, slots=True)
class Timings:
    """Seconds per operation of each case, slice by slice."""

    seconds: Mapping[str, list[float]]

    def micros(self, case: str) -> Figure:
        """Microseconds per operation."""
        return Figure.of([second * 1e6 for second in self.seconds[case]])

    def ratio(self, case: str, to: str) -> Figure:
        """How many times as long ``case`` takes as ``to``, compared within each slice."""
        return Figure.of([one / other for one, other in zip(self.seconds[case], self.seconds[to], strict=True)])


def interleave(
    cases: Mapping[str, Callable[[], object]],
    slices: int = SLICES,
    *,
    operations: int = 1,
    seconds: float = 0.05,
    clock: Callable[[], float] = time.perf_counter,
) -> Timings:
    """Time ``cases`` in turns, so that what slows the machine slows all of them.

    A call of a case does ``operations`` operations; a slice of it takes about ``seconds``. Each slice begins with
    another case, because the first after a pause runs on a colder processor. What only computes is timed by
    ``time.process_time``, which stands still while other programs have the processor.
    """
    timers = {name: timeit.Timer(call, timer=clock) for name, call in cases.items()}
    numbers = {name: _number(timer, seconds) for name, timer in timers.items()}
    found: dict[str, list[float]] = {name: [] for name in cases}
    names = list(cases)
    for turn in range(slices):
        start = turn % len(names)
        for name in names[start:] + names[:start]:
            taken = timers[name].timeit(numbers[name])
            found[name].append(taken / numbers[name] / operations)
    return Timings(found)


def _number(timer: timeit.Timer, seconds: float) -> int:
    number = 1
    while (taken := timer.timeit(number)) < seconds / 4:
        number *= 2
    return max(1, round(number * seconds / taken))


def machine() -> dict[str, str | int]:
    """What the figures were taken on."""
    return {
        "system": f"{platform.system()} {platform.release()}",
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        "python": platform.python_version(),
    }


def _processor() -> str:
    listed = Path("/proc/cpuinfo")
    lines = listed.read_text().splitlines() if listed.exists() else []
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(models, platform.processor() or platform.machine())


def arguments(about: str | None) -> argparse.Namespace:
    """The options that all benchmarks have: ``json``, ``quick`` and the number of ``slices`` they give."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--json", metavar="FILE", help="write one JSON object there; “-” is the standard output")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter slices: to see that it runs")
    options = parser.parse_args()
    options.slices = 3 if options.quick else SLICES
    options.seconds = 0.01 if options.quick else 0.05
    return options


def report(bench: str, rows: Sequence[Row], options: argparse.Namespace) -> None:
    """Print the table, or with ``--json -`` the object in its place. Exits with 1 when a bar is not held."""
    found: dict[str, Any] = {
        "bench": bench,
        "machine": machine(),
        "rows": [
            {
                "case": row.case,
                "figure": round(row.figure.median, 4),
                "least": round(row.figure.least, 4),
                "most": round(row.figure.most, 4),
                "unit": row.unit,
                "bar": row.bar,
                "direction": row.direction,
                "holds": row.holds,
                "beside": row.beside,
            }
            for row in rows
        ],
    }
    if options.json == "-":
        print(json.dumps(found, ensure_ascii=False, indent=1))
    else:
        print(f"{bench}: {', '.join(f'{name} {value}' for name, value in machine().items())}")
        printed(found["rows"])
        if options.json:
            Path(options.json).write_text(json.dumps(found, ensure_ascii=False, indent=1) + "\n")
    missed = [
        f"{row['case']}: {short(row['figure'])}, and the bar is {_bar(row)}"
        for row in found["rows"]
        if not row["holds"]
    ]
    if missed:
        sys.exit("\n".join(["NOT HELD:", *missed]))


def found_of(path: Path) -> list[dict[str, Any]]:
    """What :func:`report` wrote, by one benchmark or by several."""
    found: list[dict[str, Any]] | dict[str, Any] = json.loads(path.read_text())
    return found if isinstance(found, list) else [found]


def printed(rows: Sequence[Mapping[str, Any]]) -> None:
    """Rows as a table."""
    width = max((len(row["case"]) for row in rows), default=0)
    print(f"{'':{width}}   median        spread              bar")
    for row in rows:
        bar = "" if row["bar"] is None else f"{_bar(row)}  {'holds' if row['holds'] else 'NOT HELD'}"
        spread = f"{short(row['least'])} … {short(row['most'])}"
        line = f"{row['case']:{width}}  {short(row['figure']):>7} {row['unit']:<6} {spread:<18}  {bar:<16}"
        print(f"{line}  {row.get('beside', '')}".rstrip())


def _bar(row: Mapping[str, Any]) -> str:
    return f"{'≤' if row['direction'] == 'max' else '≥'} {row['bar']:g}"


def short(value: float) -> str:
    """Three digits of it."""
    return f"{value:.3g}" if value < 1_000 else f"{value:,.0f}"
