"""Database servers of the tests: how one of each kind is started, and those that a run shares, which end with it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from functools import partial
from typing import TypeAlias

import postgres
import redises

Engine: TypeAlias = postgres.Engine | redises.Engine

OWN: dict[str, Callable[[], AbstractContextManager[Engine]]] = {
    **({"postgresql": postgres.postgres} if postgres.programs() else {}),
    **{name.partition("-")[0]: partial(redises.redis, program=name) for name in redises.PROGRAMS},
}
"""A server of its own, for whoever fails it, of each kind that this machine has.

What is missing is said in the summary, for the folders of their own tests.
"""

SERVERS = tuple(OWN)

_running = ExitStack()
_shared: dict[str, Engine] = {}


def shared(kind: str) -> Engine:
    """A server of that kind that goes on from test to test, started by the first that asks for it."""
    if kind not in _shared:
        _shared[kind] = _running.enter_context(OWN[kind]())
    return _shared[kind]


def fresh(kind: str) -> str:
    """The URL of a new and empty store on the server of that kind."""
    return shared(kind).database()


def stop() -> None:
    """End those that were started."""
    _shared.clear()
    _running.close()
