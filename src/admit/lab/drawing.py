"""Draws rows of marks on a logarithmic axis as SVG, wide and narrow; what is drawn comes from ``charts``."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from html import escape

FAMILIES = {
    "session": "Server sessions",
    "jwt": "Stateless tokens",
    "hybrid": "Short tokens with a refresh token",
    "api key": "API keys, looked up",
    "admit": "Admit's leases",
}

# Each family has a shape beside its colour, so that neither a printer nor an eye needs the colour.
SHAPES = {
    "session": "M-5 0a5 5 0 1 0 10 0a5 5 0 1 0-10 0z",
    "jwt": "M-4.5-4.5h9v9h-9z",
    "hybrid": "M0-6L6 0L0 6L-6 0z",
    "api key": "M0-5.5L5.5 4.5H-5.5z",
    "admit": "M-2-6h4v4h4v4h-4v4h-4v-4h-4v-4h4z",
}


@dataclass(frozen=True, slots=True)
class Table:
    """What a chart shows, in words and figures."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """``drawn`` has the same picture for a wide and for a narrow page; ``reads`` says how to look at it."""

    id: str
    title: str
    reads: str
    drawn: tuple[str, ...]
    table: Table
    legend: tuple[tuple[str, str], ...] = ()
    note: str = ""  # what has to be known besides, below the picture


@dataclass(frozen=True, slots=True)
class Mark:
    """``look`` is a class of the style sheet: full, hollow, tick or dot."""

    at: float
    look: str
    says: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A lane: its name, its marks, a line between the first and the last of them, and what stands behind."""

    name: str
    family: str
    marks: tuple[Mark, ...]
    value: str
    line: bool = True
    gutter: str = ""  # what has no place on the axis: how many were nothing at all


@dataclass(frozen=True, slots=True)
class Layout:
    """Where things stand, in pixels: names beside the rows, or above them."""

    width: int
    left: int
    right: int
    row: int
    middle: int  # from the top of a row to its marks
    look: str


WIDE = Layout(920, 300, 120, 26, 13, "wide")
NARROW = Layout(360, 14, 84, 44, 30, "narrow")
FAMILY_GAP = 12
_TOP, _BOTTOM = 10, 44


@dataclass(frozen=True, slots=True)
class Axis:
    """A logarithmic axis in decades."""

    low: int
    high: int
    title: str
    reads: Callable[[float], str]
    gutter: str = ""  # what is told left of it

    @classmethod
    def over(cls, values: Iterable[float], title: str, reads: Callable[[float], str], gutter: str = "") -> Axis:
        """One that has room for ``values``, of which those that are 0 have no place on it."""
        logs = [math.log10(value) for value in values if value > 0] or [0.0]
        low, high = math.floor(min(logs)), math.ceil(max(logs))
        return cls(low, max(high, low + 1), title, reads, gutter)


def drawn(id: str, title: str, tells: str, axis: Axis, rows: Sequence[Row], layout: Layout) -> str:
    """The chart as an SVG element, which says its title and what it shows to those who do not see it."""
    plot = _Plot(axis, layout, bool(axis.gutter))
    y = float(_TOP)
    inside, family = list[str](), ""
    for row in rows:
        y += FAMILY_GAP if family not in {"", row.family} else 0
        family = row.family
        inside.append(plot.row(row, y))
        y += layout.row
    return svg(f"{id}-{layout.look}", title, tells, layout, y + _BOTTOM, plot.grid(_TOP, y) + "".join(inside))


def svg(id: str, title: str, tells: str, layout: Layout, height: float, inside: str) -> str:
    """An SVG element of that layout."""
    return (
        f'<svg class="chart {layout.look}" viewBox="0 0 {layout.width} {pixels(height)}" role="img" '
        f'aria-labelledby="{id}-t {id}-d"><title id="{id}-t">{escape(title)}</title>'
        f'<desc id="{id}-d">{escape(tells)}</desc>{inside}</svg>'
    )


def text(x: float, y: float, words: str, look: str = "", anchor: str = "start") -> str:
    """Words at a place."""
    return f'<text x="{pixels(x)}" y="{pixels(y)}" class="{look}" text-anchor="{anchor}">{escape(words)}</text>'


def label(name: str, y: float, layout: Layout) -> str:
    """The name of a row, beside or above it; cut where it has no room, and whole in the table below."""
    room = 41 if layout is WIDE else 48
    shown = name if len(name) <= room else f"{name[: room - 1]}…"
    if layout is WIDE:
        return text(layout.left - 16, y + layout.middle + 4, shown, "name", "end")
    return text(0, y + 14, shown, "name")


class _Plot:
    """The axis, and rows on it."""

    def __init__(self, axis: Axis, layout: Layout, gutter: bool) -> None:
        self._axis, self._layout = axis, layout
        self._left = layout.left + (58 if gutter else 0)

    def x(self, value: float) -> float:
        span = self._layout.width - self._layout.right - self._left
        part = (math.log10(value) - self._axis.low) / (self._axis.high - self._axis.low)
        return self._left + span * min(1.0, max(0.0, part))

    def grid(self, top: float, bottom: float) -> str:
        axis = self._axis
        # A narrow axis has no room for a word at each decade.
        every = 1 if self._layout is WIDE else math.ceil((axis.high - axis.low) / 4)
        parts = list[str]()
        for power in range(axis.low, axis.high + 1):
            x = self.x(10.0**power)
            parts.append(f'<path class="grid" d="M{pixels(x)} {pixels(top)}V{pixels(bottom)}"/>')
            if (power - axis.low) % every == 0:
                parts.append(text(x, bottom + 16, axis.reads(10.0**power), "tick", "middle"))
        if axis.gutter:
            parts.append(text(self._layout.left + 10, bottom + 16, axis.gutter, "tick", "middle"))
        parts.append(text(self._layout.width - self._layout.right, bottom + 36, f"{axis.title} →", "axis", "end"))
        return "".join(parts)

    def row(self, row: Row, y: float) -> str:
        middle = y + self._layout.middle
        parts = [label(row.name, y, self._layout)]
        at = [self.x(mark.at) for mark in row.marks if mark.at > 0]
        if row.line and len(at) > 1:
            parts.append(f'<path class="line" d="M{pixels(min(at))} {pixels(middle)}H{pixels(max(at))}"/>')
        parts += [self._mark(mark, row.family, middle) for mark in row.marks if mark.at > 0]
        if row.gutter:
            parts.append(text(self._layout.left + 10, middle + 4, row.gutter, "value", "middle"))
        end = self._layout.width - self._layout.right + 10
        parts.append(text(max([*at, 0]) + 12 if row.line and at else end, middle + 4, row.value, "value"))
        return f'<g class="{row.family.replace(" ", "-")}">{"".join(parts)}</g>'

    def _mark(self, mark: Mark, family: str, middle: float) -> str:
        x = pixels(self.x(mark.at))
        says = f"<title>{escape(mark.says)}</title>" if mark.says else ""
        match mark.look:
            case "tick":
                return f'<path class="stroke" d="M{x} {pixels(middle - 6)}v12">{says}</path>'
            case "dot" | "hollow-dot":
                return f'<circle class="{mark.look}" cx="{x}" cy="{pixels(middle)}" r="3.5"/>'
            case look:
                shape = SHAPES[family]
                return f'<path class="{look}" transform="translate({x} {pixels(middle)})" d="{shape}">{says}</path>'


def key(family: str) -> str:
    """The shape of a family, beside words."""
    return (
        f'<svg class="key {family.replace(" ", "-")}" viewBox="-7 -7 14 14" aria-hidden="true">'
        f'<path class="full" d="{SHAPES[family]}"/></svg>'
    )


def pixels(number: float) -> str:
    """A number of pixels, as short as it can be told."""
    return f"{number:.1f}".rstrip("0").rstrip(".")
