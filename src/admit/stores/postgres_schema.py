"""The schema of a PostgreSQL store: made once, brought up to date when an operator says so, and known by its number."""

from __future__ import annotations

from importlib.resources import files

from admit.errors import ConfigError
from admit.stores.examined import Finding, judged
from admit.stores.postgres_statements import Connection

SCHEMA = 4
"""The version of the schema that this Admit reads and writes: how many of the files ``postgres_<n>.sql`` were run."""


async def adopt(connection: Connection) -> None:
    """Have the schema: make it where there is none, and take no other than ours. Raises ConfigError."""
    version = await version_of(connection)
    if version == 0:
        await migrate(connection)
    elif version != SCHEMA:
        raise ConfigError([_another(version)])


async def migrate(connection: Connection) -> tuple[int, int]:
    """Bring the schema up to date, once, whoever does so at the same time; its version before and after.

    0 is where there was none. Raises ConfigError for a database from the future.
    """
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock(hashtext('admit.schema'))")
        version = await version_of(connection)
        if version > SCHEMA:
            raise ConfigError([_another(version)])
        for step in range(version + 1, SCHEMA + 1):
            await connection.execute(files("admit.stores").joinpath(f"postgres_{step}.sql").read_text("utf-8"))
            await connection.execute("UPDATE admit.version SET version = $1", step)
    return version, SCHEMA


async def version_of(connection: Connection) -> int:
    """The version of the schema, 0 where there is none."""
    # From the table, which has what was committed while we waited; by name, a session may look into its own cache.
    if not await connection.fetchval("SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = 'admit')"):
        return 0
    return int(await connection.fetchval("SELECT version FROM admit.version"))


def found(version: int) -> Finding:
    """What there is to say of a schema of that version."""
    said = f"version {version}" if version else "will be made at the first start, or by “admit migrate”"
    return judged("schema", said, None if version in {0, SCHEMA} else _another(version))


def _another(version: int) -> str:
    has = f"The schema of the database has version {version}, and this Admit needs {SCHEMA}"
    return f"{has}: upgrade this one." if version > SCHEMA else f"{has}: run “admit migrate”."
