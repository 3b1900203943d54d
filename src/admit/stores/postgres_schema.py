"""The schema of a PostgreSQL store: made once in a database that has none, and what makes a database unfit."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import asyncpg

from admit.errors import ConfigError, StoreUnavailable
from admit.stores.postgres_statements import Connection

SCHEMA = 1
"""The version of the schema that this Admit reads and writes."""

OLDEST = 14
"""The oldest PostgreSQL that runs it."""

_STATE = """SELECT pg_is_in_recovery() AS standby, current_setting('synchronous_commit') AS synchronous,
    current_setting('server_version_num')::integer / 10000 AS version, getdatabaseencoding() AS encoding,
    EXISTS (SELECT FROM pg_namespace WHERE nspname = 'admit') AS there"""


async def prepare(connection: Connection) -> None:
    """Make the schema where there is none, once, whoever begins at the same time. Raises ConfigError, StoreUnavailable."""
    state = await connection.fetchrow(_STATE)
    assert state is not None
    if state["standby"]:
        raise StoreUnavailable("this PostgreSQL is a standby: what it says may be old")
    faults = _faults(state)
    if faults:
        raise ConfigError(faults)
    if not state["there"]:
        await _make(connection)
    version = await connection.fetchval("SELECT version FROM admit.version")
    if version != SCHEMA:
        raise ConfigError(
            [f"The schema of the database has version {version}, which this Admit ({SCHEMA}) does not know."]
        )


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
            return f"PostgreSQL: {error}. If that is a PgBouncer: nobody can listen through it, so connect past it."
        case _:
            return None


async def _make(connection: Connection) -> None:
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock(hashtext('admit.schema'))")
        # From the table, which has what was committed while we waited; by name, a session may look into its own cache.
        if not await connection.fetchval("SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = 'admit')"):
            await connection.execute(files("admit.stores").joinpath("postgres.sql").read_text("utf-8"))


def _faults(state: Any) -> list[str]:
    """What keeps this database from keeping the promises of a store."""
    faults: list[str] = []
    if state["version"] < OLDEST:
        faults.append(f"This is PostgreSQL {state['version']}; {OLDEST} or newer is needed.")
    if state["encoding"] != "UTF8":
        faults.append(f"The encoding of the database is {state['encoding']}. Make one with UTF8.")
    if state["synchronous"] == "off":
        faults.append("synchronous_commit is off: what was acknowledged could be lost. Set it to on.")
    return faults
