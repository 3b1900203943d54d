"""The authority for programs without an event loop: the same object, on one loop in one thread."""

from __future__ import annotations

import asyncio
import inspect
import os
import threading
import weakref
from collections.abc import Callable
from typing import Any

_SERVICES = "admit."


class Sync:
    """What ``target`` offers, with every coroutine waited for. Usable from any thread but that of an event loop.

    Attributes that are services become synchronous too: ``auth.sync.sessions.start(proof)``. ``loop`` runs what is
    waited for; without one, that of a thread of its own.
    """

    def __init__(self, target: object, loop: Callable[[], asyncio.AbstractEventLoop] | None = None) -> None:
        self._target = target
        self._loop = loop or LoopThread().loop

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._target, name)
        if callable(value):
            return self._waiting(value)
        if type(value).__module__.startswith(_SERVICES) and type(value).__module__.count(".") == 1:
            return Sync(value, self._loop)
        return value

    def _waiting(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def wait(*args: Any, **kwargs: Any) -> Any:
            result = call(*args, **kwargs)
            if inspect.iscoroutine(result):
                return asyncio.run_coroutine_threadsafe(result, self._loop()).result()
            return result

        return wait


class LoopThread:
    """A thread that runs an event loop, from when it is first needed; in a forked child, which has none, another one."""

    def __init__(self) -> None:
        self._starting = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        begin_anew = weakref.WeakMethod(self._begin_anew)
        os.register_at_fork(after_in_child=lambda: _call(begin_anew()))

    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop, which runs from now on."""
        with self._starting:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                threading.Thread(target=self._loop.run_forever, name="admit-sync", daemon=True).start()
            return self._loop

    def _begin_anew(self) -> None:
        self._starting = threading.Lock()
        self._loop = None


def _call(method: Callable[[], None] | None) -> None:
    if method is not None:
        method()
