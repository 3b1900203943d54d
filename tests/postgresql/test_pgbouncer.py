"""A PgBouncer in front: nobody hears of news through it, which is said at start and not when news is missed."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from admit.errors import ConfigError, StoreUnavailable
from admit.stores import open_store
from commands import free_port
from postgres import PATIENCE, Engine, own_folder, user

IGNORED = "statement_timeout,lock_timeout,idle_in_transaction_session_timeout"


@contextmanager
def pgbouncer(engine: Engine, **settings: str) -> Iterator[int]:
    """The port of one that hands connections of ``engine`` from client to client."""
    port, program = free_port(), shutil.which("pgbouncer")
    assert program is not None
    chosen = {
        "listen_addr": "127.0.0.1", "listen_port": str(port), "unix_socket_dir": "", "auth_type": "any",
        "pool_mode": "transaction", **settings,
    }  # fmt: skip
    lines = [f"{name} = {value}" for name, value in chosen.items()]
    database = f"* = host=127.0.0.1 port={engine.port} user=postgres"
    with own_folder() as folder:
        (folder / "pgbouncer.ini").write_text("\n".join(["[databases]", database, "[pgbouncer]", *lines, ""]))
        process = subprocess.Popen(
            [program, "-q", folder / "pgbouncer.ini"], cwd=folder, user=user(), stderr=subprocess.DEVNULL
        )
        try:
            yield port
        finally:
            process.kill()
            process.wait(PATIENCE)


async def refusal(url: str) -> str:
    """What it says to who connects, once there is somebody to say it."""
    while True:
        with pytest.raises((ConfigError, StoreUnavailable)) as refused:
            await open_store(url).open()
        if not isinstance(refused.value.__cause__, ConnectionRefusedError):
            return str(refused.value)


@pytest.mark.parametrize("settings", [{}, {"ignore_startup_parameters": IGNORED}], ids=["strict", "lenient"])
async def test_a_pooler_in_between_is_refused_at_start(engine: Engine, settings: dict[str, str]) -> None:
    url = engine.database()
    with pgbouncer(engine, **settings) as port:
        through = url.replace(f":{engine.port}/", f":{port}/")
        assert "Write the host and port of PostgreSQL itself" in await refusal(through)
    # Nothing was made by way of it.
    assert engine.run("SELECT count(*) FROM pg_namespace WHERE nspname = 'admit'", url.rpartition("/")[2]) == "0"
