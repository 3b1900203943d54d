"""How long this machine kept the processes of a test waiting though they wanted to go on: no part answers for that."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from processes.crew import Line
from processes.verifying import Lines, instant

LOOK_EVERY = 0.02
"""Seconds between two looks at every process."""

FULL = 0.9
"""The share of a time in which a worker that runs, or wants to, has none left for anybody else."""

ITSELF, PROXY, WORKER, VERIFIER = "the one who looks", "proxy", "worker ", "verifier "
"""The parts of a test by their names; a number follows where there are several. The first is told from its being late."""


@dataclass(frozen=True, slots=True)
class Look:
    """How long each part, between two instants, waited for a processor and had one: its threads together, in seconds."""

    began: float
    ended: float
    waited: Mapping[str, float]
    ran: Mapping[str, float]

    def way(self, verifier: int) -> float:
        """How long what lies between a verifier and its answer waited; a worker that does nothing but work lets others wait."""
        span = self.ended - self.began
        workers = [
            span if ran + waited > FULL * span else waited
            for part, ran in self.ran.items()
            if part.startswith(WORKER)
            for waited in [self.waited.get(part, 0.0)]
        ]
        own = (self.waited.get(part, 0.0) for part in (f"{VERIFIER}{verifier}", PROXY, ITSELF))
        return sum(own) + max(workers, default=0.0)


def read(book: Path) -> list[Look]:
    """What was noted until now."""
    return [Look(*json.loads(line)) for line in Lines(book).read()]


def starved(looks: Iterable[Look], verifier: int, bound: float) -> Iterator[tuple[float, float]]:
    """Every half of ``bound`` (seconds) in which a question about the log may have been lost for want of a processor.

    It has a quarter of the bound for its way.
    """
    recent = deque[Look]()
    for look in looks:
        recent.append(look)
        while recent[0].ended < look.ended - bound / 2:
            recent.popleft()
        if sum(one.way(verifier) for one in recent) > bound / 4:
            yield recent[0].began, look.ended


class _Threads:
    """What the kernel counts for each thread of a process (Documentation/scheduler/sched-stats.rst), where it does."""

    def __init__(self, pid: int) -> None:
        self._threads = Path(f"/proc/{pid}/task")
        self._before = dict(self._now())

    def _now(self) -> Iterator[tuple[str, tuple[int, int]]]:
        with suppress(OSError):  # it may have ended, and each of its threads
            for thread in self._threads.iterdir():
                with suppress(OSError):
                    ran, waited, _ = (thread / "schedstat").read_text().split()
                    yield thread.name, (int(waited), int(ran))

    def since(self) -> tuple[float, float]:
        """Seconds that its threads waited and ran since the last time."""
        before, self._before = self._before, dict(self._now())
        changes = [
            (waited - before.get(thread, (0, 0))[0], ran - before.get(thread, (0, 0))[1])
            for thread, (waited, ran) in self._before.items()
        ]
        return sum(waited for waited, _ in changes) / 1e9, sum(ran for _, ran in changes) / 1e9


async def watch(line: Line, book: Path) -> None:
    """Notes in ``book`` how the processes of which it is told, by their parts, fare from then on."""
    parts: dict[str, tuple[int, _Threads]] = {}
    with book.open("a", buffering=1) as out:
        line.say("ready")
        ended = instant()
        while True:
            began, slept = ended, instant()
            if line.called(LOOK_EVERY):
                told: Mapping[str, int] = line.hear()
                parts = {
                    part: known if (known := parts.get(part)) and known[0] == pid else (pid, _Threads(pid))
                    for part, pid in told.items()
                }
            ended = instant()
            fared = {part: one.since() for part, (_, one) in parts.items()}
            fared[ITSELF] = max(0.0, ended - slept - LOOK_EVERY), 0.0
            waited, ran = ({part: both[which] for part, both in fared.items()} for which in (0, 1))
            out.write(json.dumps([began, ended, waited, ran]) + "\n")
