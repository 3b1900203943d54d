"""Writes the measured parts of docs/sessions-or-tokens.md out of docs/lab.json, which `admit lab` wrote."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from admit.lab import traits
from admit.lab.compared import slowest_end
from admit.lab.exports import from_json
from admit.lab.methods import methods, noise
from admit.lab.report import Lane, Report
from admit.lab.strategy import ENDINGS
from admit.lab.timeline import HEAD, TITLES, told, what_was_done
from admit.lab.verdict import verdict
from admit.lab.words import NOTHING, duration, lag, name, people, rate, share, size

DOCS = Path(__file__).parent.parent / "docs"
PAGE, FIGURES = DOCS / "sessions-or-tokens.md", DOCS / "lab.json"
_BLOCK = re.compile(r"<!-- lab: (\w+) -->\n[^\0]*?<!-- /lab -->")

Row = Sequence[str]


def lab_page() -> str:
    """The page as it stands, with the parts between its marks made anew."""
    report = from_json(FIGURES.read_bytes())
    # Memory is nobody's choice for people who want to stay signed in; the whole of it stands in the report.
    report = replace(report, lanes=tuple(lane for lane in report.lanes if lane.store != "memory"))
    text = PAGE.read_text().partition("-->\n\n")[2]
    return _BLOCK.sub(lambda found: f"<!-- lab: {found[1]} -->\n\n{PARTS[found[1]](report)}\n\n<!-- /lab -->", text)


def _table(head: Row, rows: Iterable[Row]) -> str:
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in lines)


def _storage(report: Report) -> str:
    rows = [
        (
            name(lane),
            size(lane.storage.server[max(lane.storage.server)]),
            people(max(lane.storage.server)),
            size(lane.storage.at_a_million * 1e6),
            size(lane.storage.client),
            size(lane.storage.wire),
        )
        for lane in report.lanes
        if lane.storage
    ]
    head = ("", "at the server, for each", "measured with", "a million, worked out", "at the client", "in each request")
    return _table(head, rows)


def _path(report: Report) -> str:
    rows = [
        (
            name(lane),
            duration(lane.path.p50.median),
            duration(lane.path.p99.median),
            duration(lane.path.cpu.median),
            f"{lane.path.operations:.2f}",
            f"{lane.path.round_trips:.2f}",
        )
        for lane in report.lanes
        if lane.path
    ]
    return _table(("", "p50", "p99", "processor", "store reads", "round trips"), rows)


def _throughput(report: Report) -> str:
    found = [(lane, lane.throughput) for lane in report.lanes if lane.throughput]
    counts = sorted({number for _, it in found for number in it.by_servers})
    rows = [
        (
            name(lane),
            *(rate(it.by_servers[n].median) if n in it.by_servers else NOTHING for n in counts),
            NOTHING if it.ten is None else rate(it.ten),
            share(traits.apart(it)),
        )
        for lane, it in found
    ]
    head = (
        "verifications in a second",
        *(f"{n} server{'s' * (n > 1)}" for n in counts),
        "10 machines, worked out",
        "noise",
    )
    return _table(head, rows)


def _revocation(report: Report) -> str:
    rows = [
        (name(lane), *(_lag(lane, how) for how in ENDINGS), _slowest(lane)) for lane in report.lanes if lane.revocations
    ]
    lives = sorted({ends.lifetime for lane in report.lanes for ends in lane.revocations if ends.lifetime})
    note = (
        f"What is only over when it expires was measured with a life of {' or '.join(duration(it * 1e6) for it in lives)}, "
        "and nobody was refused before; last stands the life that is used. A key is no sign-in: another password leaves it "
        "alone, with Admit too, as it is meant to. Who sets a password for somebody else ends his keys with it."
    )
    return f"{_table(('median', *ENDINGS, 'slowest of all'), rows)}\n\n{note}"


def _lag(lane: Lane, how: str) -> str:
    ends = next((ends for ends in lane.revocations if ends.how == how), None)
    if ends is None:
        return NOTHING
    if ends not in traits.meant(lane):
        return "goes on"
    return lag(traits.median_lag(ends)) if ends.lifetime is None else "when it expires"


def _slowest(lane: Lane) -> str:
    worst = slowest_end(lane)
    return NOTHING if worst is None else lag(worst)


def _outage(report: Report) -> str:
    parts: list[str] = []
    for fault, title in TITLES.items():
        found = [(lane, it) for lane in report.lanes for it in lane.outages if it.fault == fault and it.moments]
        if found:
            parts.append(f"**{title}:**\n\n{_table(HEAD, [told(*one) for one in found])}")
            parts.append(what_was_done(outage for _, outage in found))
    return "\n\n".join(parts)


def _attacks(report: Report) -> str:
    rows = [(it.name, it.place, it.outcome, it.seen) for it in report.attacks]
    return _table(("attack", "kept in", "", "what was seen"), rows).replace("---:", "---")


def _verdict(report: Report) -> str:
    parts: list[str] = []
    for finding in verdict(report):
        parts.append(f"**{finding.heading}.** {finding.says}")
        if finding.by_family:
            parts.append("\n".join(f"* {family}: {says}" for family, says in finding.by_family))
    return "\n\n".join(parts)


def _taken(report: Report) -> str:
    machine = report.machine
    versions = ", ".join(f"{of} {version}" for of, version in sorted(machine.versions.items()))
    return "\n\n".join(
        [
            (f"On {report.taken_at[:10]}, by `{report.command}`, in {duration(report.seconds * 1e6)}, on {machine.processors} "
            f"processors ({machine.processor}) with {size(machine.memory)} of memory: {versions}."),
            *(f"* **{method.figure}.** {method.taken}" for method in methods(report)),
            _table(("repeats apart: (highest − lowest) / median", "usual", "widest", "repeats"),
                   [(it.figure, it.middle, it.widest, str(it.repeats)) for it in noise(report.lanes)]),
            *(["Left out:", "\n".join(f"* {line}" for line in report.left_out)] if report.left_out else []),
        ]
    )  # fmt: skip


PARTS: dict[str, Callable[[Report], str]] = {
    "storage": _storage,
    "path": _path,
    "throughput": _throughput,
    "revocation": _revocation,
    "outage": _outage,
    "attacks": _attacks,
    "verdict": _verdict,
    "taken": _taken,
}
