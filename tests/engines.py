"""Database servers that a run of tests shares: each is started by the first test that asks for it, and ends with the run."""

from __future__ import annotations

from contextlib import ExitStack

from postgres import Engine, postgres, programs

_running = ExitStack()
_postgres: list[Engine] = []

SERVERS = ("postgresql",) if programs() else ()
"""The kinds that this machine has; what is missing is said in the summary, for the folders of their own tests."""


def shared_postgres() -> Engine:
    """A PostgreSQL that goes on from test to test: what fails it, starts one of its own."""
    if not _postgres:
        _postgres.append(_running.enter_context(postgres()))
    return _postgres[0]


def fresh(kind: str) -> str:
    """The URL of a new and empty store on the server of that kind."""
    assert kind in SERVERS
    return shared_postgres().database()


def stop() -> None:
    """End those that were started."""
    _postgres.clear()
    _running.close()
