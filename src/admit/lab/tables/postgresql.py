"""A table in PostgreSQL: prepared statements on kept connections, so that a read is one round trip."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import asyncpg

from admit.errors import StoreUnavailable
from admit.lab.strategy import Count, Unavailable
from admit.lab.tables.table import PATIENCE, Row, checked, parts
from admit.stores.postgres_lines import Lines
from admit.stores.postgres_statements import Connection
from admit.stores.postgres_url import parsed

SCHEMA = "admit_lab"
CONNECTIONS = 16

_COLUMNS = "key, subject, roles, expires_at, data, proof"
_NO_ANSWER = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError)


_TAKEN = """SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relkind = 'r'"""


class PostgresTable:
    """Rows of a database that any number of servers share.

    They are asked over the connections of Admit's own store: asyncpg's pool takes longer than a read does.
    """

    def __init__(self, lines: Lines, name: str, count: Count, *, owned: bool) -> None:
        self.count = count
        self._lines = lines
        name = f"{SCHEMA}.{name}"
        self._get = f"SELECT {_COLUMNS} FROM {name} WHERE key = $1"
        columns = "$1::bytea[], $2::text[], $3::text[], $4::bigint[], $5::bytea[], $6::bytea[]"
        again = "" if owned else " ON CONFLICT (key) DO NOTHING"  # what has ended may end again
        self._put = f"INSERT INTO {name} ({_COLUMNS}) SELECT * FROM unnest({columns}){again}"
        self._swap = f"UPDATE {name} SET data = $1, proof = $2 WHERE key = $3 AND proof = $4 AND roles = $5"
        self._end = f"DELETE FROM {name} WHERE key = $1 RETURNING {_COLUMNS}"
        self._end_all = f"DELETE FROM {name} WHERE subject = $1 RETURNING {_COLUMNS}"
        self._set_roles = f"UPDATE {name} SET roles = $1 WHERE subject = $2 RETURNING {_COLUMNS}"

    async def get(self, key: bytes) -> Row | None:
        """One statement."""
        found = await self._said(self._get, key)
        return _row(found[0]) if found else None

    async def put(self, *rows: Row) -> None:
        """A statement for each commit."""
        for some in parts(rows):
            columns = zip(*((r.key, r.subject, r.roles, r.expires_at, r.data, r.proof) for r in some), strict=True)
            await self._said(self._put, *map(list, columns))

    async def swap(self, was: Row, now: Row) -> bool:
        """One statement."""
        return bool(await self._said(f"{self._swap} RETURNING 1", now.data, now.proof, was.key, was.proof, was.roles))

    async def end(self, key: bytes) -> Row | None:
        """One statement."""
        found = await self._said(self._end, key)
        return _row(found[0]) if found else None

    async def end_all(self, subject: str) -> list[Row]:
        """One statement."""
        return list(map(_row, await self._said(self._end_all, subject)))

    async def set_roles(self, subject: str, roles: str) -> list[Row]:
        """One statement."""
        return list(map(_row, await self._said(self._set_roles, roles, subject)))

    async def taken(self) -> int:
        """The table, its indexes, what is kept beside it, and other tables of the same strategy."""
        async with answering():
            return int((await self._lines.ask(lambda line: line.fetch(_TAKEN, SCHEMA)))[0][0])

    async def close(self) -> None:
        """Disconnect, from a server that does not answer too."""
        self._lines.give_up()
        await asyncio.sleep(0)  # a socket is closed in the next turn of the loop

    async def _said(self, statement: str, *values: object) -> list[Any]:
        self.count.operations += 1
        self.count.round_trips += 1
        async with answering():
            return await self._lines.ask(lambda line: line.fetch(statement, *values))


@asynccontextmanager
async def answering() -> AsyncGenerator[None]:
    """Whatever else happens inside than an answer is that there was none: Unavailable."""
    try:
        yield
    except _NO_ANSWER as error:
        raise Unavailable(f"PostgreSQL: {type(error).__name__}: {error}") from error
    except StoreUnavailable as error:
        raise Unavailable(str(error)) from error


def _row(found: Any) -> Row:
    key, subject, roles, expires_at, data, proof = found
    return Row(key=key, subject=subject, roles=roles, expires_at=expires_at, data=data, proof=proof)


async def pool(rest: str) -> Any:
    """Connections to the database behind ``postgresql://``. Raises Unavailable, ConfigError."""
    settings: dict[str, Any] = parsed(rest).arguments | {"timeout": PATIENCE}
    async with answering():
        return await asyncpg.create_pool(**settings, min_size=1, max_size=CONNECTIONS, command_timeout=PATIENCE)


def statements(name: str, *, owned: bool) -> Iterable[str]:
    """What makes the table ``name``."""
    yield f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"
    yield f"""CREATE TABLE IF NOT EXISTS {SCHEMA}.{name} (key bytea PRIMARY KEY, subject text NOT NULL, roles text NOT NULL,
        expires_at bigint NOT NULL, data bytea NOT NULL, proof bytea NOT NULL)"""
    if owned:
        yield f"CREATE INDEX IF NOT EXISTS {name}_of ON {SCHEMA}.{name} (subject)"


async def opened(rest: str, name: str, count: Count, *, owned: bool) -> PostgresTable:
    """The table ``name`` of the lab's own schema, made with its index if it is not there."""
    place, name = parsed(rest), checked(name)
    lines = Lines(replace(place, connections=CONNECTIONS, connect_timeout=PATIENCE, statement_timeout=PATIENCE))

    async def made(line: Connection) -> None:
        async with line.transaction():
            # Of several who begin at once, one makes it and the others find it.
            await line.execute(f"SELECT pg_advisory_xact_lock(hashtext('{SCHEMA}'))")
            for statement in statements(name, owned=owned):
                await line.execute(statement)

    async with answering():
        await lines.ask(made)
    return PostgresTable(lines, name, count, owned=owned)
