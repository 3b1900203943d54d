"""Draws who got in while something was broken: a strip for each lane, a slice of it for each moment."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from admit.lab import traits
from admit.lab.drawing import FAMILY_GAP, NARROW, WIDE, Chart, Layout, Table, label, pixels, svg, text
from admit.lab.report import Fault, Lane, Moment, Outage
from admit.lab.words import NOTHING, duration, name

TITLES: dict[Fault, str] = {
    "slow": "While the store answers late",
    "gone": "While the store is gone",
    "cut": "While the network says nothing",
}
LEGEND = (
    ("wrongly", "let in though ended"),
    ("in", "let in"),
    ("out", "told that nobody is signed in, wrongly"),
    ("wait", "told to try again"),
)
HEAD = ("strategy", "let in", "let in though ended", "thrown out", "told to try again", "slowest", "well again after")
_HEAD, _STRIP = 30, 18
_LEAST = 3.0  # pixels of what must be seen: one person who gets in wrongly among thousands


def timelines(lanes: Sequence[Lane]) -> Iterator[Chart]:
    """A chart for each fault that was tried."""
    for fault, title in TITLES.items():
        found = [
            (lane, outage) for lane in lanes for outage in lane.outages if outage.fault == fault and outage.moments
        ]
        if found:
            yield _chart(fault, title, found)


def _chart(fault: Fault, title: str, found: Sequence[tuple[Lane, Outage]]) -> Chart:
    healed = max(outage.healed for _, outage in found)
    reads = (
        f"From left to right is time; the fault lasts from 0 to {duration(healed * 1e6)}. How high a colour stands is its "
        "share of the requests of a moment; at the right stands the slowest answer during the fault."
    )
    pictures = tuple(_drawn(f"outage-{fault}", title, reads, found, layout) for layout in (WIDE, NARROW))
    table, note = Table(HEAD, tuple(told(*one) for one in found)), what_was_done(outage for _, outage in found)
    return Chart(f"outage-{fault}", title, reads, pictures, table, LEGEND, note)


def what_was_done(outages: Iterable[Outage]) -> str:
    """What happened to each of the stores, and what has to be known to judge it; empty where nobody has told."""
    every = list(outages)
    # Behind the semicolon stands what is each lane's own.
    done = dict.fromkeys(outage.what.partition(";")[0] for outage in every if outage.what)
    notes = dict.fromkeys(outage.note for outage in every if outage.note)
    return " ".join(([f"What was done: {'; '.join(done)}."] if done else []) + [*notes])


def told(lane: Lane, outage: Outage) -> tuple[str, ...]:
    """The same in words: a row of the table."""
    share = traits.share_let_in(outage)
    return (
        name(lane),
        NOTHING if share is None else f"{share * 100:.0f} %",
        _one(sum(it.wrongly_let_in for it in outage.moments), outage.wrong),
        _one(sum(it.thrown_out for it in outage.moments), outage.thrown),
        f"{sum(it.unavailable for it in outage.moments):,}",
        slowest(outage),
        NOTHING if outage.recovered is None else duration(outage.recovered * 1e6),
    )


def _one(requests: int, seconds: float | None) -> str:
    """To how many requests it happened, and for how long to the one person to whom it happened the longest, if known."""
    if not requests:
        return "nobody"
    return f"{requests:,}, one person for {duration(seconds * 1e6)}" if seconds else f"{requests:,}"


def _drawn(id: str, title: str, tells: str, found: Sequence[tuple[Lane, Outage]], layout: Layout) -> str:
    left, right = (layout.left, layout.width - 80) if layout is WIDE else (0, layout.width)
    first = min(outage.moments[0].at for _, outage in found)
    last = max(outage.moments[-1].at + _slice(outage) for _, outage in found)
    scale = (right - left) / (last - first)
    healed = max(outage.healed for _, outage in found)
    inside, y, family = list[str](), float(_HEAD), ""
    for lane, outage in found:
        y += FAMILY_GAP if family not in {"", lane.about.family} else 0
        family = lane.about.family
        top = y + layout.middle - _STRIP / 2
        inside += [label(name(lane), y, layout), *_strip(outage, left - first * scale, scale, top)]
        # On a narrow page it stands above the strip, beside the name.
        below = top + _STRIP - 4 if layout is WIDE else y + 14
        inside.append(text(layout.width, below, slowest(outage), "value", "end"))
        y += layout.row
    begins, ends = left - first * scale, left + (healed - first) * scale
    frame = [
        f'<path class="fault" d="M{pixels(begins)} {_HEAD - 8}H{pixels(ends)}V{pixels(y)}H{pixels(begins)}z"/>',
        text(begins + 4, 14, "the fault", "tick"),
        text(ends + 4, 14, "healed", "tick"),
        *(
            text(left + (second - first) * scale, y + 16, f"{second} s", "tick", "middle")
            for second in range(0, int(last) + 1, max(1, round((last - first) / 8)))
        ),
    ]
    return svg(f"{id}-{layout.look}", title, tells, layout, y + 26, "".join([*frame, *inside]))


def slowest(outage: Outage) -> str:
    """The longest that somebody waited for an answer during the fault."""
    return duration(max((outage.moments[number].slowest for number in traits.during(outage)), default=0.0) * 1e3)


def _slice(outage: Outage) -> float:
    """Seconds of each moment."""
    return min((b.at - a.at for a, b in zip(outage.moments, outage.moments[1:], strict=False)), default=0.25)


def _strip(outage: Outage, zero: float, scale: float, top: float) -> Iterator[str]:
    """A path for each of the four outcomes, with a piece for each moment in which it came."""
    pieces: dict[str, list[str]] = {look: [] for look, _ in LEGEND}
    width = _slice(outage) * scale
    for moment in outage.moments:
        bottom = top + _STRIP
        for look, height in _heights(moment):
            pieces[look].append(
                f"M{pixels(zero + moment.at * scale)} {pixels(bottom)}h{pixels(width)}v-{pixels(height)}h-{pixels(width)}z"
            )
            bottom -= height
    return (f'<path class="{look}" d="{"".join(drawn)}"/>' for look, drawn in pieces.items() if drawn)


def _heights(moment: Moment) -> Iterator[tuple[str, float]]:
    counts = {
        "wrongly": moment.wrongly_let_in,
        "in": moment.let_in,
        "out": moment.thrown_out,
        "wait": moment.unavailable,
    }
    total = sum(counts.values())
    seen = {look: max(_LEAST, _STRIP * count / total) for look, count in counts.items() if count}
    for look, height in seen.items():
        yield look, height * _STRIP / sum(seen.values())
