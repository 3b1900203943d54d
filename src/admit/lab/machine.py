"""Where the lab measures: processors, memory, and the versions of all that takes part."""

from __future__ import annotations

import os
import platform
import sqlite3
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from admit.lab.report import Machine
from admit.lab.strategy import Count
from admit.stores.redis_place import parse

_PACKAGES = {
    "Admit": "admit",
    "cryptography": "cryptography",
    "PyJWT": "pyjwt",
    "asyncpg": "asyncpg",
    "redis-py": "redis",
    "hiredis": "hiredis",
}


async def machine(urls: Sequence[str] = ()) -> Machine:
    """This machine, and the servers behind ``urls``, with how durable they are. Raises Unavailable."""
    versions = {"Python": platform.python_version(), "SQLite": sqlite3.sqlite_version}
    for name, package in _PACKAGES.items():
        try:
            versions[name] = version(package)
        except PackageNotFoundError:  # of an extra that is not there
            continue
    for url in urls:
        scheme, _, rest = url.partition("://")
        if scheme == "postgresql":
            versions["PostgreSQL"] = await _postgresql(rest)
        elif scheme in {"redis", "rediss"}:
            versions["Redis"] = await _redis(scheme, rest)
    return Machine(
        processors=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        processor=_processor(),
        memory=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        system=f"{platform.system()} {platform.release()}",
        versions=versions,
    )


def _processor() -> str:
    listed = Path("/proc/cpuinfo")
    lines = listed.read_text().splitlines() if listed.exists() else []
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(models, platform.processor() or platform.machine())


async def _postgresql(rest: str) -> str:
    from admit.lab.tables import postgresql

    connections = await postgresql.pool(rest)
    try:
        async with postgresql.answering():
            number, fsync, commit = [
                str(await connections.fetchval(f"SHOW {name}"))
                for name in ("server_version", "fsync", "synchronous_commit")
            ]
    finally:
        connections.terminate()
    return f"{number.split()[0]} (fsync {fsync}, synchronous_commit {commit})"


async def _redis(scheme: str, rest: str) -> str:
    from admit.lab.tables import redis

    client = redis.connected(parse(scheme, rest), Count())
    try:
        async with redis.answering():
            found = await client.info("server")
            settings = await client.config_get("append*")
    finally:
        await client.aclose()
    return (
        f"{found['redis_version']} (appendonly {settings.get('appendonly')}, appendfsync {settings.get('appendfsync')})"
    )
