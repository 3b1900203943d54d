"""A report as files for programs: JSON, from which the same report is read back, and tables of comma-separated values."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping
from io import StringIO
from typing import Any, cast

import msgspec

from admit.errors import ConfigError
from admit.lab.report import Lane, Report, Value

Cell = str | float | int | None
Table = tuple[tuple[str, ...], list[tuple[Cell, ...]]]

_Lines = Iterator[tuple[Cell, ...]]
_Rows = Callable[[Lane], _Lines]

_LANE = ("strategy", "store", "at")
_VALUE = ("median", "low", "high", "repeats")
_PERSON = ("let_in_wrongly_s", "thrown_out_s", "well_again_after_s")
_MOMENT = ("second", "let_in", "wrongly_let_in", "refused", "thrown_out", "unavailable", "slowest_ms")


def to_json(report: Report) -> bytes:
    """All of it; times are in the units that ``admit.lab.report`` names."""
    return msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n"


def from_json(text: bytes) -> Report:
    """What :func:`to_json` wrote. Raises ConfigError."""
    try:
        found = msgspec.json.decode(text, type=Report)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ConfigError([f"This is no report that “admit lab --json” wrote: {error}"]) from error
    # A terminal obeys what cannot be printed, and the file may be somebody else's.
    if not all(word.isprintable() for word in _words(msgspec.to_builtins(found))):
        raise ConfigError(["This is no report that “admit lab --json” wrote: it holds what cannot be printed."])
    return found


def _words(value: Any) -> Iterator[str]:
    """Every text in it."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for one in cast("dict[str, Any]", value).items():
            yield from _words(one)
    elif isinstance(value, list | tuple):
        for part in cast("list[object]", value):
            yield from _words(part)


def tables(report: Report) -> Mapping[str, Table]:
    """Every figure in tables, by what they tell."""
    return {
        "storage": _table((*_LANE, "users", "bytes", "measured"), report, _storage),
        "carried": _table((*_LANE, "client_bytes", "wire_bytes"), report, _carried),
        "path": _table((*_LANE, "figure", *_VALUE), report, _path),
        "throughput": _table((*_LANE, "servers", *_VALUE), report, _throughput),
        "revocation": _table(
            (*_LANE, "ending", "milliseconds", "servers", "lifetime", "goes_on_s"), report, _revocation
        ),
        "outage": _table((*_LANE, "fault", *_MOMENT), report, _outage),
        "one_person": _table((*_LANE, "fault", "lasted_s", *_PERSON), report, _one_person),
        "security": (
            ("attack", "place", "outcome", "seen"),
            [(it.name, it.place, it.outcome, it.seen) for it in report.attacks],
        ),
    }


def to_csv(table: Table) -> str:
    """A table as RFC 4180 has it."""
    out = StringIO()
    writer = csv.writer(out)
    writer.writerow(table[0])
    writer.writerows(table[1])
    return out.getvalue()


def in_one(report: Report) -> str:
    """All tables as one: what it tells, of which lane, and each figure on a line of its own, by its column's name."""
    rows = list[tuple[Cell, ...]]()
    for told, (head, lines) in tables(report).items():
        for number, line in enumerate(lines):
            at = line[:3] if head[:3] == _LANE else ("", "", "")
            rest = zip(head, line, strict=True) if head[:3] != _LANE else zip(head[3:], line[3:], strict=True)
            rows += [(told, number, *at, column, cell) for column, cell in rest]
    return to_csv((("table", "row", *_LANE, "column", "value"), rows))


def _table(head: tuple[str, ...], report: Report, of: _Rows) -> Table:
    lanes = ((lane, (lane.about.id, lane.store, lane.at)) for lane in report.lanes)
    return head, [(*name, *row) for lane, name in lanes for row in of(lane)]


def _storage(lane: Lane) -> _Lines:
    if lane.storage:
        for users, each in sorted(lane.storage.server.items()):
            yield users, each, "yes"
        if 1_000_000 not in lane.storage.server:
            yield 1_000_000, lane.storage.at_a_million, "no: worked out"


def _carried(lane: Lane) -> _Lines:
    if lane.storage:
        yield lane.storage.client, lane.storage.wire


def _path(lane: Lane) -> _Lines:
    if lane.path:
        yield "p50_us", *_value(lane.path.p50)
        yield "p99_us", *_value(lane.path.p99)
        yield "cpu_us", *_value(lane.path.cpu)
        if lane.path.first:
            yield "first_us", *_value(lane.path.first)
        counts = ("operations", "round_trips", "first_operations")
        for figure, counted in ((name, getattr(lane.path, name)) for name in counts):
            yield figure, counted, None, None, None


def _throughput(lane: Lane) -> _Lines:
    if lane.throughput:
        for servers, value in sorted(lane.throughput.by_servers.items()):
            yield servers, *_value(value)
        if lane.throughput.ten is not None:
            yield "10 (worked out)", lane.throughput.ten, None, None, None


def _revocation(lane: Lane) -> _Lines:
    for ends in lane.revocations:
        for lag in ends.lags:
            yield ends.how, lag, ends.servers, ends.lifetime, None
        if ends.goes_on is not None:
            yield ends.how, None, ends.servers, None, ends.goes_on


def _outage(lane: Lane) -> _Lines:
    for outage in lane.outages:
        for it in outage.moments:
            counts = (it.let_in, it.wrongly_let_in, it.refused, it.thrown_out, it.unavailable)
            yield outage.fault, it.at, *counts, it.slowest


def _one_person(lane: Lane) -> _Lines:
    for outage in lane.outages:
        yield outage.fault, outage.healed, outage.wrong, outage.thrown, outage.recovered


def _value(value: Value) -> tuple[Cell, ...]:
    return value.median, value.low, value.high, value.repeats
