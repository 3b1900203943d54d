"""The connections of a store behind a network while it is open, and to whom they belong."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from admit.errors import StoreUnavailable
from admit.stores.bell import Bell
from admit.stores.loops import on

T = TypeVar("T")


class Closed(Protocol):
    """Connections, as far as they are let go of together."""

    async def close(self) -> None:
        """Disconnect."""


L = TypeVar("L", bound=Closed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened(Generic[L]):
    """The connections ``lines`` and the one that hears of news, made on the event loop and in the process that now run."""

    lines: L
    bell: Bell
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)
    process: int = field(default_factory=os.getpid)

    @property
    def serves(self) -> bool:
        """Whether there is somebody who answers: a forked child is alone with what its parent opened."""
        return self.process == os.getpid() and not self.loop.is_closed()

    async def close(self) -> None:
        """Disconnect."""
        await self.bell.close()
        await self.lines.close()


Here = TypeVar("Here", bound=Opened[Any])


class Openings(Generic[Here]):
    """What a store has open: nothing, or the first that was opened for all of its tasks."""

    def __init__(self) -> None:
        self._all: Here | None = None

    @property
    def serves(self) -> bool:
        """Whether there is something open here."""
        return self._all is not None and self._all.serves

    @property
    def now(self) -> Here:
        """What is open. Raises StoreUnavailable."""
        if self._all is None or not self._all.serves:
            raise StoreUnavailable("this store is not open")
        return self._all

    async def begin(self, opened: Here) -> None:
        """Have ``opened``, unless another task was faster."""
        if self.serves:
            await opened.close()
        else:
            self._all = opened

    async def end(self) -> None:
        """Disconnect, on the event loop that the connections belong to."""
        opened, self._all = self._all, None
        if opened is not None and opened.serves:
            await on(opened.loop, opened.close())

    async def ask(self, asked: Coroutine[Any, Any, T]) -> T:
        """What is answered, whichever event loop this is. Raises StoreUnavailable."""
        return await on(self.now.loop, asked)
