"""A fault, planted into every process that starts with this folder on its path: its gate never looks at the stamp."""

from __future__ import annotations

from admit.core.store import Tail
from admit.gate import Gate, ReadOn


def _opened(self: Gate, tail: Tail, read_on: ReadOn | None = None, open: object = Gate.open) -> None:
    assert callable(open)
    open(self, tail, read_on)
    self._moved = lambda _stamp: False


Gate.open = _opened  # type: ignore[method-assign]
