"""Says how far a run has come: bars where somebody looks at a terminal, lines everywhere else."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn


class Watcher(Protocol):
    """Who wants to know how far it has come."""

    def phase(self, title: str, steps: int) -> None:
        """Something begins that takes so many steps."""

    def step(self, what: str) -> None:
        """One of them begins."""

    def left_out(self, why: str) -> None:
        """Something will not be in the report."""


class Lines:
    """A line for whatever begins."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._began = time.monotonic()
        self._title, self._steps, self._at = "", 0, 0

    def phase(self, title: str, steps: int) -> None:
        """Something begins."""
        self._title, self._steps, self._at = title, steps, 0

    def step(self, what: str) -> None:
        """One of its steps begins."""
        self._at += 1
        self._say(f"{self._title} {self._at}/{self._steps}: {what}")

    def left_out(self, why: str) -> None:
        """Something will not be in the report."""
        self._say(f"left out: {why}")

    def _say(self, words: str) -> None:
        self._console.print(
            f"{time.monotonic() - self._began:6.1f} s  {words}", markup=False, highlight=False, soft_wrap=True
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing is open."""


class Bars:
    """A bar for each thing that begins, on a terminal."""

    def __init__(self, console: Console) -> None:
        wide = console.width >= 90
        columns = (
            TextColumn("{task.description}"),
            BarColumn(bar_width=24 if wide else 10),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )
        self._progress = Progress(*columns, TextColumn("[dim]{task.fields[what]}") if wide else TextColumn(""), console=console)  # fmt: skip
        self._task: TaskID | None = None
        self._begun = False

    def phase(self, title: str, steps: int) -> None:
        """Another bar; the last one is full."""
        self._finish()
        self._task = self._progress.add_task(title, total=steps, what="")
        self._begun = False

    def step(self, what: str) -> None:
        """The step before it is done."""
        if self._task is not None:
            self._progress.update(self._task, advance=1 if self._begun else 0, what=escape(what))
        self._begun = True

    def left_out(self, why: str) -> None:
        """A line above the bars."""
        self._progress.console.print(f"[dim]left out: {escape(why)}[/]", highlight=False)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the bars as they are."""
        if error is None:
            self._finish()
        self._progress.stop()

    def _finish(self) -> None:
        if self._task is not None:
            total = next(task.total for task in self._progress.tasks if task.id == self._task)
            self._progress.update(self._task, completed=total, what="")


def watching(console: Console) -> Bars | Lines:
    """Bars on a terminal that can draw them, lines everywhere else."""
    return Bars(console) if console.is_terminal and not console.is_dumb_terminal else Lines(console)
