"""Figures as people read them: three digits at the most, and the unit that fits."""

from __future__ import annotations

import math

from admit.lab.report import Lane, Value
from admit.lab.strategy import Store

STORES: dict[Store, str] = {
    "memory": "memory",
    "sqlite": "SQLite",
    "postgresql": "PostgreSQL",
    "redis": "Redis",
    "none": "no store",
}
NOTHING = "–"


def digits(number: float) -> str:
    """``number`` with two or three digits that count, and commas between thousands."""
    if number == 0:
        return "0"
    if abs(number) >= 99.5:
        return f"{number:,.0f}"
    places = max(0, 1 - math.floor(math.log10(abs(number))))
    text = f"{number:.{min(places, 4)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def duration(microseconds: float) -> str:
    """A time, in the unit that fits it."""
    for unit, size in (("h", 3.6e9), ("min", 6e7), ("s", 1e6), ("ms", 1e3)):
        if microseconds >= size:
            return f"{digits(microseconds / size)} {unit}"
    return f"{digits(microseconds)} µs"


def lag(milliseconds: float) -> str:
    """How long something was noticed too late."""
    return "at once" if milliseconds == 0 else duration(milliseconds * 1e3)


def size(amount: float) -> str:
    """Bytes, in the unit that fits them."""
    for unit, bytes_of in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e4)):
        if amount >= bytes_of:
            return f"{digits(amount / (1e3 if unit == 'kB' else bytes_of))} {unit}"
    return f"{digits(round(amount, 1))} B"


def rate(per_second: float) -> str:
    """So many in a second."""
    whole = round(per_second, -1 if per_second > 1e3 else 0)
    return f"{digits(whole / 1e6)} M" if whole >= 1e6 else digits(whole)


def people(number: int) -> str:
    """How many were signed in: powers of ten read as such."""
    return f"{number:,}"


def share(part: float, places: int = 0) -> str:
    """A part of the whole, or a multiple of it."""
    return f"{part * 100:.{places}f} %"


def spread(value: Value) -> str:
    """How far the repeats lie apart, as a part of their median."""
    return NOTHING if not value.median else share((value.high - value.low) / value.median)


def times(ratio: float) -> str:
    """How many times as much."""
    return f"{digits(ratio)} ×"


def place(lane: Lane) -> str:
    """The store of a lane, and which one where that was told."""
    return f"{STORES[lane.store]} ({lane.at})" if lane.at else STORES[lane.store]


def name(lane: Lane) -> str:
    """A lane in a sentence or in front of a row; the store is told where there is one."""
    return lane.about.title if lane.store == "none" else f"{lane.about.title} · {place(lane)}"


def listed(parts: list[str], last: str = "and") -> str:
    """What stands in a list, as a sentence has it."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} {last} {parts[-1]}"
