"""The comparison: a row for each lane, a column for each figure by which strategies differ, and the best of each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from admit.lab import traits
from admit.lab.report import Lane
from admit.lab.words import NOTHING, duration, lag, rate, size


@dataclass(frozen=True, slots=True)
class Column:
    """A figure: what it is of a lane, how it reads, and which of two is the better."""

    title: str
    tells: str  # the same in a sentence
    of: Callable[[Lane], float | None]
    reads: Callable[[float], str]
    best: Callable[[Sequence[float]], float] = min


@dataclass(frozen=True, slots=True)
class Cell:
    """A figure in words; the best of its column is set apart."""

    says: str
    best: bool


def compared(lanes: Sequence[Lane]) -> list[tuple[Lane, list[Cell]]]:
    """Each lane with the figures of all columns."""
    columns = [_cells([column.of(lane) for lane in lanes], column) for column in COLUMNS]
    return [(lane, [cells[number] for cells in columns]) for number, lane in enumerate(lanes)]


def _cells(values: Sequence[float | None], column: Column) -> list[Cell]:
    known = [value for value in values if value is not None]
    # What reads the same as the best is as good as measured; what half of them have is nobody's advantage.
    best = column.reads(column.best(known)) if known else ""
    shown = [NOTHING if value is None else column.reads(value) for value in values]
    apart = shown.count(best) * 2 < len(known)
    return [Cell(one, apart and one == best) for one in shown]


def most(lane: Lane) -> float | None:
    """Verifications in a second, of as many servers as did best."""
    return max((it.median for it in lane.throughput.by_servers.values()), default=None) if lane.throughput else None


def slowest_end(lane: Lane) -> float | None:
    """Milliseconds from an end to the last acceptance, at the worst."""
    worst = traits.worst_lag(lane)
    return None if worst is None else worst * 1e3


COLUMNS = (
    Column("p50", "the median verification", lambda lane: lane.path.p50.median if lane.path else None, duration),
    Column("p99", "the slowest in a hundred", lambda lane: lane.path.p99.median if lane.path else None, duration),
    Column(
        "CPU", "processor time of a verification", lambda lane: lane.path.cpu.median if lane.path else None, duration
    ),
    Column(
        "store reads",
        "store reads for a request",
        lambda lane: lane.path.operations if lane.path else None,
        lambda it: f"{it:.2f}",
    ),
    Column(
        "round trips",
        "round trips for a request",
        lambda lane: lane.path.round_trips if lane.path else None,
        lambda it: f"{it:.2f}",
    ),
    Column("most a second", "verifications in a second", most, rate, max),
    Column(
        "at the server",
        "bytes kept at the server",
        lambda lane: lane.storage.at_a_million if lane.storage else None,
        size,
    ),
    Column(
        "at the client", "bytes kept at the client", lambda lane: lane.storage.client if lane.storage else None, size
    ),
    Column("on the wire", "bytes of each request", lambda lane: lane.storage.wire if lane.storage else None, size),
    Column("slowest end", "the slowest end", slowest_end, lag),
    Column(
        "got in while broken",
        "people who get in during a fault",
        traits.least_let_in,
        lambda it: f"{it * 100:.0f} %",
        max,
    ),
    Column(
        "wrongly, for",
        "how long somebody who was ended gets in during a fault",
        traits.longest_wrong,
        lambda it: duration(it * 1e6) if it else "never",
    ),
)
