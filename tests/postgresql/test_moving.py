"""A store is moved to PostgreSQL by the commands of the page, put back beneath a running server, and restored."""

from __future__ import annotations

import asyncio
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from admit.authority import Authority
from admit.errors import LostHistory
from admit.subjects import Subject
from commands import admit
from moves import SECRET, People
from postgres import Engine, programs
from processes.acts import accepted, authority

PATIENCE = 60.0
BOUND = 1.0
PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "back-up-and-restore.md"


def commands(part: str) -> list[list[str]]:
    """The commands in a part of the page, word by word."""
    text = PAGE.read_text().partition(f"## {part}\n")[2].partition("\n## ")[0]
    found = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    return [shlex.split(line) for block in found for line in block.splitlines() if line.strip()]


def test_a_move_is_made_as_the_page_says(engine: Engine, tmp_path: Path) -> None:
    url = engine.database()
    admit(tmp_path, "accounts", "create", "ann@example.com", "--generate")
    for _, *words in commands("Move to another store"):
        said = admit(
            tmp_path, *[url if "://" in word else word for word in words], "--json", ADMIT_SECRET_FILE="admit.db-secret"
        )
        assert said.code == 0, said.err
    listed = admit(tmp_path, "accounts", "list", "--store", url, "--json", ADMIT_SECRET_FILE="admit.db-secret")
    assert [account["email"] for account in listed.json] == ["ann@example.com"]
    restored = admit(tmp_path, "restore", "--yes", "--store", url, "--json", ADMIT_SECRET_FILE="admit.db-secret")
    assert restored.json["ended"] == "everything"


def put_back(engine: Engine, url: str, backup: Path) -> None:
    """As an operator does it: the database is dropped, whoever is connected, and made again of the backup."""
    name = url.rpartition("/")[2]
    engine.run(f"DROP DATABASE {name} WITH (FORCE)")
    engine.run(f"CREATE DATABASE {name}")
    ran("psql", "-Xq", "-v", "ON_ERROR_STOP=1", "-d", url, "-f", str(backup))


def ran(name: str, *words: str) -> None:
    """Run a program of PostgreSQL."""
    found = programs()
    assert found is not None
    done = subprocess.run([found / name, *words], capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, done.stderr


async def told(auth: Authority, engine: Engine, url: str, backup: Path) -> People:
    """The story until the backup, and the end of a session after it; then the backup is put back."""
    people = await People.arrive(auth)
    dump = next(words for words in commands("Take a backup") if words[0] == "pg_dump")
    assert dump[3:4] == ["--file"]
    await asyncio.to_thread(ran, *dump[:3], "--file", str(backup), url)
    await auth.revoke(people.kept.session)
    assert await accepted(auth, people.kept) == []
    await asyncio.to_thread(put_back, engine, url, backup)
    return people


async def test_a_server_beneath_which_a_backup_was_put_back_admits_nobody(engine: Engine, tmp_path: Path) -> None:
    url = engine.database()
    async with authority(url, secret=SECRET, max_staleness=BOUND) as auth:
        people = await told(auth, engine, url, tmp_path / "backup")
        await people.until(auth, lambda said: isinstance(said, LostHistory))
        for _ in range(2):
            with pytest.raises(LostHistory, match="admit restore"):
                await auth.sessions.get(people.kept.session.id)
            with pytest.raises(LostHistory):
                auth.verify(people.bob.pair.access_token)
    async with authority(url, secret=SECRET, on_lost_history="accept") as auth:
        await auth.restore()
    async with authority(url, secret=SECRET) as auth:
        await people.begin_anew(auth)


async def test_a_server_told_to_end_everything_does_so_and_goes_on(engine: Engine, tmp_path: Path) -> None:
    url = engine.database()
    async with authority(url, secret=SECRET, max_staleness=BOUND, on_lost_history="end everything") as auth:
        term = (await auth.subjects.get("nobody")).gen
        people = await told(auth, engine, url, tmp_path / "backup")
        await people.until(auth, lambda said: isinstance(said, Subject) and said.gen > term)
        await people.begin_anew(auth)
