"""The store is chosen by its URL, and what cannot be a URL is told in words that say what to write."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from admit.errors import ConfigError
from admit.stores import examine, migrate, open_store


@pytest.mark.parametrize(
    "url",
    [
        "",
        "admit.db",
        "postgres",
        "mysql://user:hunter2@host/db",
        "sqlite://",
        "sqlite:///",
        "sqlite://admit.db",
        "sqlite:///:memory:",
        "sqlite:///var/",
        "sqlite:///a.db?mode=ro",
        "memory://x",
        "memory://?home",
        "SQLITE:///a.db",
        "sqlite:///a\x00b.db",
        "sqlite:///a\nb.db",
    ],
)
def test_what_is_no_store_is_told_with_what_to_write(url: str) -> None:
    with pytest.raises(ConfigError) as refused:
        open_store(url)
    assert "://" in str(refused.value) or "?" in url
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("scheme", ["postgres", "PostgreSQL", "postgresql+asyncpg"])
def test_what_others_call_postgresql_is_told_what_to_write(scheme: str) -> None:
    with pytest.raises(ConfigError, match=r"Begin it with postgresql://$"):
        open_store(f"{scheme}://user:hunter2@host/db")


def test_a_relative_path_stays_where_it_was_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store = open_store("sqlite:///var/admit.db")
    monkeypatch.chdir("/")
    assert not store.partitioned
    assert vars(store)["_file"].path == tmp_path / "var" / "admit.db"


async def test_memory_by_home_is_partitioned() -> None:
    assert open_store("memory://?homes").partitioned
    assert not open_store("memory://").partitioned


def test_a_schema_is_made_and_then_found(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'admit.db'}"
    assert not asyncio.run(examine(url)).begun
    assert list(tmp_path.iterdir()) == []
    assert [asyncio.run(migrate(url)) for _ in range(2)] == [(0, 1), (1, 1)]
    assert asyncio.run(examine(url)).begun


async def test_what_is_no_database_of_ours_is_neither_migrated_nor_good(tmp_path: Path) -> None:
    path = tmp_path / "admit.db"
    path.write_bytes(b"no database" * 1_000)
    with pytest.raises(ConfigError, match="cannot be read"):
        await migrate(f"sqlite:///{path}")
    assert ("SQLite", "mend") in {finding[:2] for finding in (await examine(f"sqlite:///{path}")).findings}
    with pytest.raises(ConfigError, match="memory"):
        await migrate("memory://")


# root may do anything, so it gives that up first; whoever else runs this has taken the right from himself.
NOT_ITS_OWNER = """
import asyncio, os, sys
from admit.errors import ConfigError
from admit.stores import examine, open_store
url = sys.argv[1]
store = open_store(url)
if os.getuid() == 0:
    os.setuid(65534)
try:
    asyncio.run(store.open())
except ConfigError as error:
    print(error)
for finding in asyncio.run(examine(url)).findings:
    print(*finding)
"""


def test_a_file_of_another_user_is_told_from_one_that_is_broken() -> None:
    with TemporaryDirectory() as folder:
        database = Path(folder, "admit.db")
        command = [sys.executable, "-c", NOT_ITS_OWNER, f"sqlite:///{database}"]
        database.touch(mode=0o000)
        Path(folder).chmod(0o555)
        ran = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
        Path(folder).chmod(0o755)
    said = ran.stdout.splitlines()
    theirs = f"{database} belongs to user {os.getuid()}, and user "
    assert said[0].startswith(f"- {theirs}")
    assert said[-1].startswith(f"SQLite mend {theirs}")
    assert f"directory mend {folder} cannot be written to: Permission denied" in said
    assert "backup" not in ran.stdout, "which would undo what was revoked since"
