"""The lab's place in PostgreSQL: a database of its own, or where it may make none, schemas in one that is empty."""

from __future__ import annotations

import secrets
import time
from contextlib import suppress
from typing import Any, cast
from urllib.parse import urlsplit

import asyncpg

from admit.errors import ConfigError, StoreUnavailable
from admit.lab.strategy import Store
from admit.stores.postgres_url import parsed

MARK = "admit_lab_was_here"
"""A schema that stands in a database whose schemas are the lab's."""

SCHEMAS = ("admit", "admit_lab")

FORGOTTEN = 3_600
"""Seconds after which a database to which nobody is connected was left behind by a run that was killed."""

_OURS = """SELECT datname FROM pg_database WHERE datname ~ '^admit_lab_[0-9a-f]{8}_[0-9a-f]{8}$'
    AND datdba = (SELECT oid FROM pg_roles WHERE rolname = current_user)"""
_CONNECTED = """SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND usename IS NOT NULL AND pid <> pg_backend_pid()"""
_STRANGERS = """SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
    UNION ALL SELECT count(*) FROM pg_namespace WHERE nspname = ANY($1) ORDER BY 1 DESC LIMIT 1"""
_PATIENCE = 10.0


class Databases:
    """Databases that are made when they are needed, beside the one that was named."""

    kind: Store = "postgresql"

    def __init__(self, rest: str) -> None:
        self.at = _at(rest)
        self._rest = rest
        self._names: list[str] = []

    async def fresh(self) -> str:
        """Another database; those before it are dropped."""
        await self.close()
        return await self.another()

    async def another(self) -> str:
        """Another database."""
        name = f"admit_lab_{int(time.time()):08x}_{secrets.token_hex(4)}"
        self._names.append(name)
        await _run(self._rest, f"CREATE DATABASE {name}")
        return urlsplit(f"postgresql://{self._rest}")._replace(path=f"/{name}").geturl()

    async def close(self) -> None:
        """Drop them, whoever is still connected."""
        await _run(self._rest, *(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)" for name in self._names))
        self._names.clear()


class Schemas:
    """The database that was named, which was empty; ``held`` stays connected, so that another run sees it is in use."""

    kind: Store = "postgresql"

    def __init__(self, rest: str, held: Any) -> None:
        self.at = _at(rest)
        self._rest = rest
        self._held = held

    async def fresh(self) -> str:
        """The same, without what was made in it."""
        await _run(self._rest, *_DROPPED)
        return await self.another()

    async def another(self) -> str:
        """The same, with what is in it."""
        return f"postgresql://{self._rest}"

    async def close(self) -> None:
        """Drop all of it."""
        await _run(self._rest, *_DROPPED, f"DROP SCHEMA IF EXISTS {MARK}")
        self._held.terminate()


_DROPPED = [f"DROP SCHEMA IF EXISTS {schema} CASCADE" for schema in SCHEMAS]


async def taken(rest: str) -> Databases | Schemas:
    """A place behind ``postgresql://``. Raises ConfigError, StoreUnavailable."""
    held = await _connected(rest)
    try:
        return await _taken(rest, held)
    except BaseException as error:
        held.terminate()
        if isinstance(error, asyncpg.PostgresError):
            raise _refusing(rest, error) from error
        raise


async def _taken(rest: str, held: Any) -> Databases | Schemas:
    if await held.fetchval("SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user"):
        await _swept(held)
        held.terminate()
        return Databases(rest)
    await _marked(held, _at(rest))
    ground = Schemas(rest, held)
    await ground.fresh()
    return ground


async def _swept(connection: Any) -> None:
    """Drop what runs that were killed have left behind."""
    for (name,) in await connection.fetch(_OURS):
        if int(name.split("_")[2], 16) < time.time() - FORGOTTEN:
            with suppress(asyncpg.ObjectInUseError):
                await connection.execute(f"DROP DATABASE IF EXISTS {name}")


async def _marked(connection: Any, at: str) -> None:
    """Mark the database, which has to be empty, or left behind by a run that was killed: nobody else is connected."""
    if await connection.fetchval("SELECT count(*) FROM pg_namespace WHERE nspname = $1", MARK):
        if await connection.fetchval(_CONNECTED):
            raise ConfigError([f"Another run is in the database {at}, or somebody else. Name one that nobody uses."])
        return
    if await connection.fetchval(_STRANGERS, SCHEMAS):
        fault = f"The database {at} holds what is not the lab's, and its user may make no other."
        raise ConfigError([f"{fault} Name an empty one, or say ALTER ROLE … CREATEDB."])
    await connection.execute(f"CREATE SCHEMA {MARK}")


async def _run(rest: str, *statements: str) -> None:
    if not statements:
        return
    connection = await _connected(rest)
    try:
        for statement in statements:
            await connection.execute(statement)
    except (asyncpg.PostgresError, OSError) as error:
        raise _refusing(rest, error) from error
    finally:
        connection.terminate()


async def _connected(rest: str) -> Any:
    settings: dict[str, Any] = parsed(rest).arguments | {"timeout": _PATIENCE}
    del settings["server_settings"]  # to make a database may take longer than a question
    try:
        return await cast("Any", asyncpg.connect)(**settings, statement_cache_size=0, command_timeout=60.0)
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, OverflowError) as error:
        raise _refusing(rest, error) from error


def _refusing(rest: str, error: BaseException) -> StoreUnavailable:
    return StoreUnavailable(f"{_at(rest)} refuses, or does not answer: {type(error).__name__} {error}")


def _at(rest: str) -> str:
    parts = urlsplit(f"postgresql://{rest}")
    return f"{parts.netloc.rpartition('@')[2] or 'localhost'}{parts.path}"
