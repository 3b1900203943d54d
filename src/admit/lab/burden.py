"""How much processor time a store has used, which is what all application servers share."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

from admit.lab.strategy import Count
from admit.stores.redis_place import parse

_BACKENDS = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"


class Burden(Protocol):
    """Asks a store, or the system that it runs on."""

    async def seconds(self) -> float:
        """Processor seconds that it has used so far for what is asked of it. Raises Unavailable."""

    async def close(self) -> None:
        """Disconnect."""


class OfRedis:
    """What a Redis says that its one thread has used."""

    def __init__(self, client: Any) -> None:
        self._client = client

    async def seconds(self) -> float:
        """By INFO."""
        from admit.lab.tables import redis

        async with redis.answering():
            found = await self._client.info("cpu")
        return float(found["used_cpu_user_main_thread"]) + float(found["used_cpu_sys_main_thread"])

    async def close(self) -> None:
        """Disconnect."""
        await self._client.aclose()


class OfPostgres:
    """What the processes of a PostgreSQL of this machine have used that answer for the database, connected all the time."""

    def __init__(self, pool: Any) -> None:
        self._pool = pool

    async def seconds(self) -> float:
        """By the process table."""
        from admit.lab.tables import postgresql

        async with postgresql.answering():
            pids = [row[0] for row in await self._pool.fetch(_BACKENDS)]
        return sum(_used(pid) or 0 for pid in pids) / 1e9

    async def is_here(self) -> bool:
        """Whether it runs where its processes can be seen. Raises Unavailable."""
        from admit.lab.tables import postgresql

        async with postgresql.answering():
            return _used(await self._pool.fetchval("SELECT pg_backend_pid()")) is not None

    async def close(self) -> None:
        """Disconnect."""
        self._pool.terminate()


def _used(pid: int) -> int | None:
    """Nanoseconds that a process has run (proc(5)), if there is one and it is PostgreSQL's."""
    try:
        name = Path(f"/proc/{pid}/comm").read_text()
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) if name.startswith("postgres") else None
    except OSError:
        return None


async def burden_of(url: str) -> Burden | None:
    """What to ask for the store at ``url``; None where nobody can say. Raises Unavailable."""
    scheme, _, rest = url.partition("://")
    if scheme in {"redis", "rediss"}:
        from admit.lab.tables import redis

        return OfRedis(redis.connected(parse(scheme, rest), Count()))
    if scheme == "postgresql":
        from admit.lab.tables import postgresql

        found = OfPostgres(await postgresql.pool(rest))
        if await found.is_here():
            return found
        await found.close()
    return None
