"""Where the umask leaves everything open, another user of the machine writes to what Admit made, or replaces it (TOK-09).

Under a umask of 0, common in containers and under daemons, whatever is made without a mode of its own can be written
by everybody: a database, a secret, or only a folder above them, which is enough to put another in their place.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from admit.authority import Authority
from admit.server import place
from worlds import ISSUER


@pytest.fixture(autouse=True)
def nothing_is_masked() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def open_to_others(path: Path) -> list[Path]:
    """What at or under ``path`` others can write, or is a file that they can read."""
    return [
        found
        for found in (path, *path.rglob("*"))
        if found.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH if found.is_dir() else stat.S_IRWXG | stat.S_IRWXO)
    ]


async def test_a_store_and_all_above_it_belongs_to_its_owner(tmp_path: Path) -> None:
    async with Authority(f"sqlite:///{tmp_path}/var/lib/admit/admit.db", issuer=ISSUER) as auth:
        await auth.sessions.start((await auth.subjects.before("ann")).proven("pwd"))
        made = {found.name for found in (tmp_path / "var/lib/admit").iterdir()}
        assert made >= {"admit.db", "admit.db-secret", "admit.db-stamp", "admit.db-wal", "admit.db-shm"}
        assert open_to_others(tmp_path / "var") == []
        assert stat.S_IMODE((tmp_path / "var/lib/admit").stat().st_mode) == 0o700


def test_the_folder_of_the_demo_can_be_entered_by_its_owner_alone(tmp_path: Path) -> None:
    config = place.prepare(tmp_path / "some/where", 8000)
    assert config.is_file()
    assert stat.S_IMODE(config.parent.stat().st_mode) == 0o700
    assert not (tmp_path / "some").stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH)
