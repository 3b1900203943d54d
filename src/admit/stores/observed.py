"""A store whose commits somebody watches: what measures or traces them is put around each, and nothing else changes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack

from admit.core.store import Change, Store
from admit.stores.wrapped import Wrapped

Around = Callable[[Sequence[Change]], AbstractContextManager[None]]
"""Makes, of the changes of a commit, what is entered before and left after it; what the commit raises passes through."""


class Observed(Wrapped):
    """``store``, with ``arounds`` entered around each commit, the first outermost."""

    def __init__(self, store: Store, arounds: Sequence[Around]) -> None:
        super().__init__(store)
        self._arounds = tuple(arounds)

    async def commit(self, *changes: Change) -> None:
        """All of the changes, or none, with everybody watching."""
        with ExitStack() as watching:
            for around in self._arounds:
                watching.enter_context(around(changes))
            await super().commit(*changes)
