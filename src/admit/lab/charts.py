"""The charts of a report: which rows and marks each has, and the table that tells the same."""

from __future__ import annotations

from collections.abc import Sequence

from admit.lab import traits
from admit.lab.bars import bars
from admit.lab.drawing import FAMILIES, NARROW, WIDE, Axis, Chart, Mark, Row, Table, drawn
from admit.lab.report import Lane
from admit.lab.strategy import ENDINGS, Ending
from admit.lab.timeline import timelines
from admit.lab.words import NOTHING, duration, lag, listed, name, people, rate, share, size, spread

LARGEST = 1_000_000


def charts(lanes: Sequence[Lane]) -> list[Chart]:
    """Each chart for which something was measured."""
    made = (latency(lanes), throughput(lanes), storage(lanes), revocation(lanes), *timelines(lanes))
    return [chart for chart in made if chart]


def latency(lanes: Sequence[Lane]) -> Chart | None:
    """What one verification takes."""
    known = [(lane, lane.path) for lane in lanes if lane.path]
    if not known:
        return None
    rows = [
        Row(
            name(lane),
            lane.about.family,
            (
                Mark(path.p50.median, "full", f"p50 {duration(path.p50.median)}"),
                Mark(path.p99.median, "tick", f"p99 {duration(path.p99.median)}"),
            ),
            duration(path.p50.median),
        )
        for lane, path in known
    ]
    axis = Axis.over([mark.at for row in rows for mark in row.marks], "time of one verification", duration)
    table = Table(
        ("strategy", "p50", "spread", "p99", "CPU", "store operations", "round trips"),
        tuple(
            (
                name(lane), duration(path.p50.median), spread(path.p50), duration(path.p99.median),
                duration(path.cpu.median), f"{path.operations:.2f}", f"{path.round_trips:.2f}",
            )
            for lane, path in known
        ),
    )  # fmt: skip
    reads = "The shape is the median request (p50), the upright the slowest in a hundred (p99). Each line further right is ten times as slow."
    return _chart("latency", "What one verification takes", reads, axis, rows, table)


def throughput(lanes: Sequence[Lane]) -> Chart | None:
    """What more application servers bring."""
    known = [(lane, lane.throughput) for lane in lanes if lane.throughput]
    counts = sorted({count for _, found in known for count in found.by_servers})
    if not known:
        return None
    head = [*(f"{count} server{'s' if count > 1 else ''}" for count in counts), "10, worked out"]
    rows = [
        (name(lane), lane.about.family, [*((found.by_servers[n].median if n in found.by_servers else None) for n in counts), found.ten])
        for lane, found in known
    ]  # fmt: skip
    title = "What more application servers bring"
    apart = sorted(traits.apart(found) for _, found in known)
    reads = (
        "Verifications in a second, all servers together, on this one machine; the last column is worked out for ten "
        f"machines. Repeats lie {share(apart[len(apart) // 2])} apart as a rule, and {share(apart[-1])} at most."
    )
    pictures = tuple(bars("throughput", title, reads, head, rows, rate, layout) for layout in (WIDE, NARROW))
    table = Table(
        ("strategy", *head, "noise", "what stops it"),
        tuple(
            (n, *(NOTHING if it is None else rate(it) for it in values), share(traits.apart(found)), found.limit)
            for (n, _, values), (_, found) in zip(rows, known, strict=True)
        ),
    )
    return Chart("throughput", title, reads, pictures, table)


def storage(lanes: Sequence[Lane]) -> Chart | None:
    """What is kept at the server."""
    known = [(lane, lane.storage) for lane in lanes if lane.storage]
    kept = [(lane, found) for lane, found in known if found.at_a_million > 0]
    if not kept:
        return None
    rows = list[Row]()
    for lane, found in kept:
        marks = [
            Mark(each * users, "full", f"{people(users)}: {size(each * users)}")
            for users, each in sorted(found.server.items())
        ]
        if LARGEST not in found.server:
            total = found.at_a_million * LARGEST
            marks.append(Mark(total, "hollow", f"{people(LARGEST)}, worked out: {size(total)}"))
        rows.append(Row(name(lane), lane.about.family, tuple(marks), f"{size(found.at_a_million)} each"))
    axis = Axis.over([mark.at for row in rows for mark in row.marks], "kept at the server", size)
    nothing = list(dict.fromkeys(FAMILIES[lane.about.family] for lane, found in known if found.at_a_million <= 0))
    measured = " · ".join(people(users) for users in sorted({users for _, found in kept for users in found.server}))
    reads = (
        f"All that is kept, indexes included, for {measured} people who are signed in; hollow: a million, worked out."
    )
    if nothing:
        reads += f" Nothing is kept of: {', '.join(nothing)}."
    table = Table(
        ("strategy", "at the server, each", "at a million", "at the client", "on the wire", "worked out by"),
        tuple(
            (
                name(lane), size(found.server[max(found.server)]) if found.server else NOTHING,
                size(found.at_a_million * LARGEST), size(found.client), size(found.wire), found.formula,
            )
            for lane, found in known
        ),
    )  # fmt: skip
    return _chart("storage", "What is kept for those who are signed in", reads, axis, rows, table)


def revocation(lanes: Sequence[Lane]) -> Chart | None:
    """How long something that was ended was still accepted."""
    known = [lane for lane in lanes if traits.meant(lane)]
    if not known:
        return None
    rows = list[Row]()
    for lane in known:
        lags = [one for ends in traits.meant(lane) for one in ends.lags]
        look = "hollow-dot" if traits.expires_only(lane) else "dot"
        none = sum(one == 0 for one in lags)
        gutter = "all" if none == len(lags) else f"{none}" if none else ""
        value = lag(max(lags)) if not traits.expires_only(lane) else "its life"
        marks = tuple(Mark(one, look) for one in lags)
        rows.append(Row(name(lane), lane.about.family, marks, value, line=False, gutter=gutter))
    every = [mark.at for row in rows for mark in row.marks]
    axis = Axis.over(every, "still accepted after the end", lambda ms: duration(ms * 1e3), "none")
    table = Table(
        ("strategy", *ENDINGS, "how"),
        tuple((name(lane), *(_ended(lane, how) for how in ENDINGS), _noticed(lane)) for lane in known),
    )
    every_end = [ends for lane in known for ends in traits.meant(lane)]
    repeats, servers = (max(found) for found in zip(*((len(it.lags), it.servers) for it in every_end), strict=True))
    reads = (
        f"{repeats} ends of each sort, at {servers} servers. Each dot is one end, from its acknowledgement to the last acceptance at any server. “None”: how often nobody "
        "accepted it any more. Hollow: only the expiry ended it, measured with tokens of a short life."
    )
    return _chart("revocation", "How long an end takes", reads, axis, rows, table)


def _ended(lane: Lane, how: Ending) -> str:
    """The median, and the slowest where that is another."""
    ends = next((ends for ends in lane.revocations if ends.how == how), None)
    if ends is None:
        return NOTHING
    if not ends.lags or ends not in traits.meant(lane):
        return "goes on"
    median, slowest = lag(traits.median_lag(ends)), lag(max(ends.lags))
    return median if median == slowest else f"{median}, {slowest} at most"


def _noticed(lane: Lane) -> str:
    """What ended it, and whatever else there is to say of some of its ends."""
    of_note: dict[str, list[str]] = {}
    for ends in lane.revocations:
        of_note.setdefault(ends.note or "the end was noticed", []).append(ends.how)
    if len(of_note) == 1:
        return next(iter(of_note))
    return "; ".join(f"{listed(hows)}: {note}" for note, hows in of_note.items())


def _chart(id: str, title: str, reads: str, axis: Axis, rows: Sequence[Row], table: Table) -> Chart:
    return Chart(
        id, title, reads, tuple(drawn(id, title, reads, axis, rows, layout) for layout in (WIDE, NARROW)), table
    )
