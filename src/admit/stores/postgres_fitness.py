"""Whether a PostgreSQL can keep the promises of a store: looked at when it is opened, and all of it by ``admit doctor``."""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterator
from typing import Any

import asyncpg

from admit.errors import ConfigError
from admit.stores.examined import Finding, judged
from admit.stores.postgres_statements import Connection

OLDEST = 14
"""The oldest PostgreSQL that runs the schema."""

CLOCKS_AGREE = 1.0
"""Seconds by which the clocks of this machine and of the database may differ."""

_STATE = """SELECT pg_backend_pid() AS pid,
    current_setting('server_version') AS version, getdatabaseencoding() AS encoding,
    current_setting('synchronous_commit') AS synchronous, current_setting('fsync') AS fsync,
    current_setting('full_page_writes') AS whole_pages,
    current_setting('synchronous_standby_names') AS names, (SELECT count(*) FROM pg_stat_replication) AS standbys,
    current_setting('max_connections')::integer - current_setting('superuser_reserved_connections')::integer AS room,
    coalesce((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false) AS encrypted,
    inet_server_addr() IS NULL OR inet_server_addr() = inet_client_addr() AS here"""


async def judge(connection: Connection) -> None:
    """Return if what lies behind ``connection``, which is a primary, may be opened. Raises ConfigError."""
    state = await _state(connection)
    faults = [f"{fault} ({said})" for _, said, fault in _needed(state, connection) if fault is not None]
    if faults:
        raise ConfigError(faults)


async def examined(connection: Connection, connections: int) -> list[Finding]:
    """What there is to say of the server, and of the ``connections`` that each process may open."""
    before = time.time()
    theirs = float(await connection.fetchval("SELECT extract(epoch FROM clock_timestamp())"))
    # Somewhere between question and answer it looked at its clock.
    apart = max(before - theirs, theirs - time.time(), 0.0)
    state = await _state(connection)
    clock = None if apart <= CLOCKS_AGREE else "lifetimes and limits go by both. Set them by NTP."
    return [
        Finding("PostgreSQL", "good", "answers, and is the primary"),
        *(judged(*needed) for needed in _needed(state, connection)),
        *_durable(state),
        judged("clock", f"{apart:.3f} s from that of the database", clock),
        _room(state["room"], connections),
        _encrypted(encrypted=state["encrypted"], here=state["here"]),
    ]


def fault(error: BaseException | None) -> str | None:
    """What is wrong with the URL or the database, if ``error`` tells that trying again would not help."""
    match error:
        case asyncpg.InvalidPasswordError() | asyncpg.InvalidAuthorizationSpecificationError():
            return f"PostgreSQL lets nobody in by the store's URL: {error}."
        case asyncpg.InvalidCatalogNameError():
            return f"PostgreSQL: {error}. Make it with createdb, or write another one."
        case asyncpg.InsufficientPrivilegeError():
            return f"PostgreSQL: {error}. The schema “admit” needs a user who may make and use it."
        case asyncpg.ProtocolViolationError():
            return f"PostgreSQL: {error}. {_PAST}"
        case ssl.SSLCertVerificationError():
            return f"PostgreSQL does not prove who it is: {error.verify_message}. Write sslrootcert, or see sslmode."
        case _:
            return None


_PAST = "If that is a PgBouncer: nobody hears of news through it. Write the host and port of PostgreSQL itself."


async def _state(connection: Connection) -> Any:
    state = await connection.fetchrow(_STATE)
    assert state is not None
    return state


def _needed(state: Any, connection: Connection) -> Iterator[tuple[str, str, str | None]]:
    """What was looked at, what was found, and why it may not be opened."""
    version, encoding, synchronous = state["version"], state["encoding"], state["synchronous"]
    old = int(version.partition(".")[0]) < OLDEST
    yield "version", version, f"PostgreSQL {OLDEST} or newer is needed" if old else None
    yield "encoding", encoding, "Make a database in UTF8" if encoding != "UTF8" else None
    lost = "What was acknowledged could be lost. Set it to on" if synchronous == "off" else None
    yield "synchronous_commit", synchronous, lost
    # A pooler tells its clients of processes that it made up, and hands one of the real ones from client to client.
    direct = connection.get_server_pid() == state["pid"]
    yield "connection", "direct" if direct else "by a pooler", None if direct else _PAST


def _durable(state: Any) -> Iterator[Finding]:
    for name, setting in (("fsync", "fsync"), ("full_page_writes", "whole_pages")):
        off = "A power failure could undo what was acknowledged. Set it to on." if state[setting] != "on" else None
        yield judged(name, state[setting], off)
    names, standbys = state["names"], state["standbys"]
    if names and state["synchronous"] == "local":
        write = "No commit waits for them. Set synchronous_commit to on."
        yield Finding("standbys", "weak", f"synchronous_standby_names = {names}, synchronous_commit = local: {write}")
    elif standbys and not names:
        write = "A failover loses the last moment. Set synchronous_standby_names."
        yield Finding("standbys", "weak", f"{standbys}, which may be behind: {write}")
    else:
        yield Finding("standbys", "good", f"{standbys}, as synchronous_standby_names says" if names else "none")


def _room(room: int, connections: int) -> Finding:
    each = connections + 2  # to hear of news, and to follow the log
    fault = None if room >= 2 * each else "Raise max_connections, or write connections in the store's URL."
    return judged("connections", f"{room} are there, a process takes up to {each}", fault, "weak")


def _encrypted(*, encrypted: bool, here: bool) -> Finding:
    said = "encrypted" if encrypted else "plain"
    fault = None if encrypted or here else "Whoever listens on the network reads along. Write sslmode=verify-full."
    return judged("TLS", said if not here else f"{said}, on this machine", fault)
