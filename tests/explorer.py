"""Explores a model: every state that its steps can reach, breadth first, and the shortest way to any of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

S = TypeVar("S", bound=Hashable)


@dataclass(frozen=True)
class Explored(Generic[S]):
    """What was reached, each state with the one before it and what led from there.

    ``fault`` is the shortest way to a wrong state and what is wrong with it, in words; None where there is none.
    """

    reached: dict[S, tuple[S, str] | None]
    fault: list[str] | None

    def __len__(self) -> int:
        return len(self.reached)

    def holds(self) -> str:
        """Fails with the way to what is wrong, if anything is; else a line for the summary."""
        assert self.fault is None, "\n  ".join(self.fault)
        return f"{len(self)} states"

    def refutes(self, mutant: str, promise: str = "") -> str:
        """Prints how ``mutant`` breaks a ``promise``, and fails if it does not; a line for the summary."""
        assert self.fault, f"the model does not see what is wrong with {mutant}"
        assert self.fault[-1].startswith(promise)
        print(f"{mutant}, {len(self)} states:", *self.fault, sep="\n  ")
        return f"{mutant}: {len(self.fault) - 1} steps to “{self.fault[-1]}”"

    def way_to(self, wanted: Callable[[S], bool]) -> list[str] | None:
        """The shortest way to a state that is ``wanted``, in words; None where no such state can be reached."""
        return next((way(self.reached, state) for state in self.reached if wanted(state)), None)


def explore(
    start: S, steps: Callable[[S], Iterable[tuple[str, S]]], what_is_wrong: Callable[[S], str | None]
) -> Explored[S]:
    """Every state that ``steps`` lead to from ``start``, up to the first of which something is wrong."""
    reached: dict[S, tuple[S, str] | None] = {start: None}
    waiting = deque([start])
    while waiting:
        state = waiting.popleft()
        if wrong := what_is_wrong(state):
            return Explored(reached, [*way(reached, state), wrong])
        for action, after in steps(state):
            if after not in reached:
                reached[after] = (state, action)
                waiting.append(after)
    return Explored(reached, None)


def way(reached: dict[S, tuple[S, str] | None], state: S) -> list[str]:
    """What led to ``state``, in order."""
    taken: list[str] = []
    while (before := reached[state]) is not None:
        state, action = before
        taken.append(action)
    return taken[::-1]
