"""The lab's place in PostgreSQL: a database of its own, or where it may make none, schemas in one that is empty."""

from __future__ import annotations

import secrets
from typing import Any, cast
from urllib.parse import urlsplit

import asyncpg

from admit.errors import ConfigError, StoreUnavailable
from admit.lab.strategy import Store
from admit.stores.postgres_url import parsed

MARK = "admit_lab_was_here"
"""A schema that stands in a database whose schemas are the lab's."""

SCHEMAS = ("admit", "admit_lab", MARK)

_STRANGERS = """SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'"""
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
        name = f"admit_lab_{secrets.token_hex(6)}"
        self._names.append(name)
        await _run(self._rest, f"CREATE DATABASE {name}")
        return urlsplit(f"postgresql://{self._rest}")._replace(path=f"/{name}").geturl()

    async def close(self) -> None:
        """Drop them, whoever is still connected."""
        await _run(self._rest, *(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)" for name in self._names))
        self._names.clear()


class Schemas:
    """The database that was named, which was empty."""

    kind: Store = "postgresql"

    def __init__(self, rest: str) -> None:
        self.at = _at(rest)
        self._rest = rest

    async def fresh(self) -> str:
        """The same, without what was made in it."""
        await _run(self._rest, *_DROPPED, f"CREATE SCHEMA {MARK}")
        return await self.another()

    async def another(self) -> str:
        """The same, with what is in it."""
        return f"postgresql://{self._rest}"

    async def close(self) -> None:
        """Drop all of it."""
        await _run(self._rest, *_DROPPED)


_DROPPED = [f"DROP SCHEMA IF EXISTS {schema} CASCADE" for schema in SCHEMAS]


async def taken(rest: str) -> Databases | Schemas:
    """A place behind ``postgresql://``. Raises ConfigError, StoreUnavailable."""
    if await _asked(rest, "SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user"):
        return Databases(rest)
    left_behind = await _asked(rest, "SELECT count(*) FROM pg_namespace WHERE nspname = $1", MARK)
    if left_behind or not await _asked(rest, _STRANGERS):
        return Schemas(rest)
    fault = f"The database {_at(rest)} holds what is not the lab's, and its user may make no other."
    raise ConfigError([f"{fault} Name an empty one, or say ALTER ROLE … CREATEDB."])


async def _run(rest: str, *statements: str) -> None:
    if not statements:
        return
    connection = await _connected(rest)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        connection.terminate()


async def _asked(rest: str, question: str, *values: object) -> Any:
    connection = await _connected(rest)
    try:
        return await connection.fetchval(question, *values)
    finally:
        connection.terminate()


async def _connected(rest: str) -> Any:
    settings: dict[str, Any] = parsed(rest).arguments | {"timeout": _PATIENCE}
    del settings["server_settings"]  # to make a database may take longer than a question
    try:
        return await cast("Any", asyncpg.connect)(**settings, statement_cache_size=0, command_timeout=60.0)
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
        raise StoreUnavailable(f"{_at(rest)} does not answer: {type(error).__name__} {error}") from error


def _at(rest: str) -> str:
    parts = urlsplit(f"postgresql://{rest}")
    return f"{parts.netloc.rpartition('@')[2] or 'localhost'}{parts.path}"
