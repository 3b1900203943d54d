"""What several in one process have open together, for as long as one of them does."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(slots=True)
class Shared(Generic[T]):
    """Things by a name, each made for the first who takes it, and gone with the last who gives it back."""

    make: Callable[[], T]
    _taken: dict[Hashable, tuple[T, int]] = field(default_factory=dict[Hashable, tuple[T, int]])

    def take(self, name: Hashable) -> T:
        """The thing ``name``; whoever takes it gives it back once."""
        thing, takers = self._taken.get(name) or (self.make(), 0)
        self._taken[name] = thing, takers + 1
        return thing

    def give_back(self, name: Hashable) -> None:
        """Need it no more."""
        thing, takers = self._taken.pop(name)
        if takers > 1:
            self._taken[name] = thing, takers - 1

    def __len__(self) -> int:
        return len(self._taken)
