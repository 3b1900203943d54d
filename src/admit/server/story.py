"""A story that is told by what it asks of a server: each step with its promise, its time, and whether it holds."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from admit.server.client import Answer, ask

Check = Callable[[Answer], bool]


@dataclass(frozen=True)
class Step:
    """A request with its answer, how long it took, what was promised, and whether that is what happened."""

    chapter: str
    request: str
    answer: str
    ms: float
    promised: str
    holds: bool


@dataclass
class Story:
    """What is asked of the server on ``port``; ``command`` runs the command line beside it, and gives its exit code."""

    port: int
    command: Callable[..., int]
    steps: list[Step] = field(default_factory=list[Step])
    chapter: str = ""

    @property
    def holds(self) -> bool:
        """Whether every step was as promised."""
        return bool(self.steps) and all(step.holds for step in self.steps)

    def ask(
        self,
        promised: str,
        method: str,
        path: str,
        status: int,
        body: Mapping[str, str] | None = None,
        *,
        by: Mapping[str, str] = {},
        check: Check = lambda _: True,
    ) -> Answer:
        """What a program is answered, which is promised to be ``status`` and to pass ``check``."""
        return self.step(promised, f"{method} {path}", lambda: ask(self.port, method, path, body, by), status, check)

    def step(
        self, promised: str, request: str, act: Callable[[], Answer], status: int, check: Check = lambda _: True
    ) -> Answer:
        """What ``act`` is answered, noted as ``request``."""
        began = time.perf_counter()
        answer = act()
        ms = (time.perf_counter() - began) * 1_000
        said = [str(answer.status), str(answer.body.get("code", "")), answer.location and f"to {answer.location}"]
        self._note(request, " ".join(filter(None, said)), ms, promised, holds=answer.status == status and check(answer))
        return answer

    def run(self, *words: str) -> None:
        """Run a command, which is promised to succeed."""
        began = time.perf_counter()
        code = self.command(*words)
        ms = (time.perf_counter() - began) * 1_000
        self._note(" ".join(("admit", *words)), f"exit {code}", ms, "done by another process", holds=code == 0)

    def see(self, promised: str, what: str, seen: str, *, holds: bool) -> None:
        """Look at ``what``, which is ``seen``; nothing is asked."""
        self._note(what, seen, 0, promised, holds=holds)

    def _note(self, request: str, answer: str, ms: float, promised: str, *, holds: bool) -> None:
        self.steps.append(Step(self.chapter, request, answer, round(ms, 1), promised, holds))
