"""What was put last: a bounded memory that costs one look-up to read."""

from __future__ import annotations

from typing import Generic, TypeVar

V = TypeVar("V")


class Recent(Generic[V]):
    """The last ``capacity`` things by text, and never more than twice as many.

    When the young are ``capacity`` they become the old, and what was old is forgotten. Reading what is young costs
    one dictionary look-up and writes nothing.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self.young: dict[str, V] = {}
        self._old: dict[str, V] = {}

    def get(self, text: str) -> V | None:
        """What was put last under ``text``; moves it to the young."""
        value = self.young.get(text)
        if value is None and (value := self._old.get(text)) is not None:
            self.put(text, value)
        return value

    def put(self, text: str, value: V) -> None:
        """Remember ``value`` under ``text``."""
        if len(self.young) >= self._capacity:
            self._old, self.young = self.young, {}
        self.young[text] = value

    def drop(self, text: str) -> None:
        """Forget ``text``."""
        self._old.pop(text, None)
        self.young.pop(text, None)
