"""Draws a matrix of bars as SVG: a row for each lane, a column for each number of servers, one logarithmic scale."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from admit.lab.drawing import FAMILY_GAP, WIDE, Layout, label, pixels, svg, text
from admit.lab.words import NOTHING

_HEAD = 26


def bars(
    id: str,
    title: str,
    tells: str,
    head: Sequence[str],
    rows: Sequence[tuple[str, str, list[float | None]]],
    reads: Callable[[float], str],
    layout: Layout,
) -> str:
    """The matrix; the last column is hollow, for it is worked out. ``rows`` are names, families and values."""
    values = [value for _, _, row in rows for value in row if value]
    low, high = math.log10(min(values)) - 0.35, math.log10(max(values))
    left = layout.left if layout is WIDE else 0
    column = (layout.width - left) / len(head)
    inside = [text(left + number * column, 14, words, "tick") for number, words in enumerate(head)]
    y, family = float(_HEAD), ""
    for row, kind, cells in rows:
        y += FAMILY_GAP if family not in {"", kind} else 0
        family = kind
        parts = [label(row, y, layout)]
        for number, value in enumerate(cells):
            x, middle = left + number * column, y + layout.middle
            if not value:
                parts.append(text(x, middle + 4, NOTHING, "value"))
                continue
            room = column - (58 if layout is WIDE else 56)
            long = max(2.0, room * (math.log10(value) - low) / (high - low))
            look = "worked-out" if number == len(cells) - 1 else "bar"
            parts.append(
                f'<path class="{look}" d="M{pixels(x)} {pixels(middle - 6)}h{pixels(long)}v12h-{pixels(long)}z"/>'
            )
            parts.append(text(x + long + 5, middle + 4, reads(value), "value"))
        inside.append(f'<g class="{kind.replace(" ", "-")}">{"".join(parts)}</g>')
        y += layout.row
    return svg(f"{id}-{layout.look}", title, tells, layout, y + 6, "".join(inside))
