"""A report as tables in a terminal, also a narrow one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

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
from admit.lab.timeline import HEAD, TITLES, told, what_was_done
from admit.lab.verdict import Finding, verdict
from admit.lab.words import name, place

_COLOURS = {"session": "blue", "jwt": "yellow", "hybrid": "magenta", "api key": "green", "admit": "bold"}
_FIRST = 34  # columns of the terminal that the name of a row may take
_APART = 2


def show(report: Report, console: Console) -> None:
    """Print all of it."""
    console.print(told_in_words(report))
    for title, table, under in tables(report, console.width):
        console.print(Rule(Text(title, style="bold"), align="left", style="dim"))
        console.print(table)
        if under:
            console.print(Padding(Text(under, style="dim"), (0, 0, 1, 1), expand=False))
    if report.left_out:
        console.print(Rule(Text("Left out", style="bold"), align="left", style="dim"))
        console.print(_bullets(report.left_out))


def told_in_words(report: Report) -> RenderableType:
    """The verdict, and the advice for one set of answers."""
    parts = list[RenderableType]()
    for finding in verdict(report):
        parts += [Text(finding.heading, style="bold"), *_finding(finding), Text()]
    return Group(*parts, *_advised(report, ORDINARY))


def tables(report: Report, width: int) -> Iterator[tuple[str, Table, str]]:
    """The comparison, the faults, the attacks and the noise; each in as many tables as fit into ``width``.

    Each has a title, and what has to be said under it, if anything.
    """
    yield from _fitting("Compared (* best of its column)", _comparison(report.lanes), width)
    for fault, title in TITLES.items():
        found = [(lane, it) for lane in report.lanes for it in lane.outages if it.fault == fault and it.moments]
        if found:
            rows = _Rows(HEAD, [list(map(Text, told(*one))) for one in found])
            yield from _fitting(title, rows, width, what_was_done(outage for _, outage in found))
    if report.attacks:
        seen = [list(map(Text, (it.name, it.place, it.outcome, it.seen))) for it in report.attacks]
        yield "In a browser", _Rows(("attack", "place", "", "seen"), seen).table(range(1, 4), wraps=True), ""
    if apart := noise(report.lanes):
        lines = [list(map(Text, (it.figure, it.middle, it.widest, str(it.repeats)))) for it in apart]
        head = ("figure", "usual", "widest", "repeats")
        yield from _fitting("Noise: (highest − lowest) / median", _Rows(head, lines), width)


def _finding(finding: Finding) -> Iterator[RenderableType]:
    yield Padding(Text(finding.says), (0, 0, 0, 2), expand=False)
    if finding.by_family:
        table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
        table.add_column(max_width=34)
        table.add_column()
        for family, says in finding.by_family:
            table.add_row(Text(family, style="dim"), Text(says))
        yield Padding(table, (0, 0, 0, 2), expand=False)


def _bullets(lines: Iterable[str]) -> Table:
    """Each behind a bullet, under which none of its own lines begins."""
    table = Table(box=None, show_header=False, padding=(0, 1, 0, 0), pad_edge=False)
    for line in lines:
        table.add_row(" •", Text(line))
    return table


def _advised(report: Report, answers: Answers) -> Iterator[RenderableType]:
    found = advise(report.lanes, answers)
    asked = " · ".join(one.options[getattr(answers, one.name)] for one in QUESTIONS)
    choice = name(found.choice) if found.choice else "nothing that was measured"
    yield Text.assemble(("What it means for you", "bold"), f", if you answer: {asked}")
    yield Padding(Text(choice, style="bold"), (0, 0, 0, 2), expand=False)
    yield Padding(_bullets([*found.why, *found.others]), (0, 0, 0, 1), expand=False)
    yield Padding(Text("For other answers: --html report.html", style="dim"), (0, 0, 0, 2), expand=False)
    yield Text()


@dataclass(frozen=True)
class _Rows:
    """What a table shows; ``sections`` are the rows before which a line is left free."""

    head: Sequence[str]
    rows: Sequence[Sequence[Text]]
    sections: frozenset[int] = frozenset()

    def wide(self, column: int) -> int:
        """Columns of the terminal that a column takes."""
        words = max(map(len, self.head[column].split()), default=0)
        return max([words, *(row[column].cell_len for row in self.rows)]) + _APART

    def table(self, columns: Iterable[int], *, wraps: bool = False) -> Table:
        """The first column, and those named."""
        table = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="dim", padding=(0, _APART, 0, 0))
        table.add_column(self.head[0], overflow="fold", max_width=_FIRST)
        for column in (shown := list(columns)):
            width = None if wraps else self.wide(column) - _APART
            table.add_column(
                self.head[column],
                justify="left" if wraps else "right",
                min_width=width,
                max_width=width,
                overflow="fold",
            )
        for number, row in enumerate(self.rows):
            if number in self.sections:
                table.add_section()
            table.add_row(row[0], *(row[column] for column in shown))
        return table


def _fitting(title: str, rows: _Rows, width: int, under: str = "") -> Iterator[tuple[str, Table, str]]:
    """As few tables as it takes, each at most ``width`` wide; ``under`` stands below the last."""
    room = width - min(rows.wide(0), _FIRST + _APART) - _APART
    parts: list[list[int]] = [[]]
    for column in range(1, len(rows.head)):
        if parts[-1] and sum(map(rows.wide, [*parts[-1], column])) > room:
            parts.append([])
        parts[-1].append(column)
    for number, columns in enumerate(parts, 1):
        counted = f"{title}, {number} of {len(parts)}" if len(parts) > 1 else title
        yield counted, rows.table(columns), under if number == len(parts) else ""


def _comparison(lanes: Sequence[Lane]) -> _Rows:
    rows, sections, family = list[list[Text]](), set[int](), ""
    for lane, cells in compared(lanes):
        if family not in {"", lane.about.family}:
            sections.add(len(rows))
        family = lane.about.family
        where = "" if lane.store == "none" else f" · {place(lane)}"
        # A star, for who sees no styles.
        figures = [Text(f"{it.says}*", style="bold") if it.best else Text(f"{it.says} ") for it in cells]
        rows.append([Text.assemble((lane.about.title, _COLOURS[family]), (where, "dim")), *figures])
    return _Rows(["strategy", *(column.title for column in COLUMNS)], rows, frozenset(sections))
