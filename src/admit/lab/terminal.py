"""A report as tables in a terminal, also a narrow one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from admit.lab.advice import advise
from admit.lab.compared import COLUMNS, compared
from admit.lab.methods import noise
from admit.lab.questions import ORDINARY, QUESTIONS, Answers
from admit.lab.report import Lane, Report
from admit.lab.timeline import HEAD, TITLES, told
from admit.lab.verdict import Finding, verdict
from admit.lab.words import name, place

_COLOURS = {"session": "blue", "jwt": "yellow", "hybrid": "magenta", "api key": "green", "admit": "bold"}
_GROUPS = (("one verification", 0, 6), ("bytes", 6, 9), ("when something ends or breaks", 9, 12))
NARROW = 170
"""Columns below which the comparison is told in three tables, one under the other."""


def show(report: Report, console: Console) -> None:
    """Print all of it."""
    console.print(told_in_words(report))
    for title, table in tables(report, console.width):
        console.print(Rule(Text(title, style="bold"), align="left", style="dim"))
        console.print(table)
    if report.left_out:
        console.print(Rule(Text("Left out", style="bold"), align="left", style="dim"))
        for line in report.left_out:
            console.print(Padding(Text(f"• {line}"), (0, 0, 0, 1)))


def told_in_words(report: Report) -> RenderableType:
    """The verdict, and the advice for one set of answers."""
    parts = list[RenderableType]()
    for finding in verdict(report):
        parts += [Text(finding.heading, style="bold"), *_finding(finding), Text()]
    return Group(*parts, *_advised(report, ORDINARY))


def tables(report: Report, width: int) -> Iterator[tuple[str, Table]]:
    """The comparison in as many tables as ``width`` columns need, the faults, the attacks, the noise."""
    whole = ("Compared", 0, len(COLUMNS))
    for title, first, last in _GROUPS if width < NARROW else (whole,):
        yield title[0].upper() + title[1:], _compared(report.lanes, first, last)
    for fault, title in TITLES.items():
        rows = [told(lane, it) for lane in report.lanes for it in lane.outages if it.fault == fault and it.moments]
        if rows:
            yield title, _table(HEAD, rows)
    if report.attacks:
        yield (
            "In a browser",
            _table(
                ("attack", "place", "", "seen"), [(it.name, it.place, it.outcome, it.seen) for it in report.attacks]
            ),
        )
    if found := noise(report.lanes):
        yield (
            "Noise: (highest − lowest) / median",
            _table(
                ("figure", "usual", "widest", "repeats"),
                [(it.figure, it.middle, it.widest, str(it.repeats)) for it in found],
            ),
        )


def _finding(finding: Finding) -> Iterator[RenderableType]:
    yield Padding(Text(finding.says), (0, 0, 0, 2))
    if finding.by_family:
        table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
        table.add_column(max_width=34)
        table.add_column()
        for family, says in finding.by_family:
            table.add_row(Text(family, style="dim"), Text(says))
        yield Padding(table, (0, 0, 0, 2))


def _advised(report: Report, answers: Answers) -> Iterator[RenderableType]:
    found = advise(report.lanes, answers)
    asked = " · ".join(one.options[getattr(answers, one.name)] for one in QUESTIONS)
    choice = name(found.choice) if found.choice else "nothing that was measured"
    yield Text.assemble(("What it means for you", "bold"), f", if you answer: {asked}")
    yield Padding(Text(choice, style="bold"), (0, 0, 0, 2))
    for line in (*found.why, *found.others):
        yield Padding(Text(f"• {line}"), (0, 0, 0, 2))
    yield Padding(Text("For other answers: --html report.html", style="dim"), (0, 0, 0, 2))
    yield Text()


def _compared(lanes: Sequence[Lane], first: int, last: int) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="dim")
    table.add_column("strategy", overflow="fold", min_width=24)
    for column in COLUMNS[first:last]:
        table.add_column(column.title, justify="right")
    family = ""
    for lane, cells in compared(lanes):
        if family not in {"", lane.about.family}:
            table.add_section()
        family = lane.about.family
        title = Text.assemble(
            (lane.about.title, _COLOURS[family]), (f" {place(lane)}" if lane.store != "none" else "", "dim")
        )
        # Bold beside the star, which is there for who sees no styles.
        table.add_row(
            title, *(Text(f"{it.says}*", style="bold") if it.best else Text(it.says) for it in cells[first:last])
        )
    if any(it.best for _, cells in compared(lanes) for it in cells[first:last]):
        table.caption = "* best of its column"
        table.caption_justify = "left"
    return table


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="dim")
    for number, title in enumerate(head):
        table.add_column(title, overflow="fold", min_width=12 if number == 0 else None)
    for row in rows:
        table.add_row(*map(Text, row))
    return table
