"""The secret beside a store: made once, the same for all, and refused when others can read it."""

from __future__ import annotations

import asyncio
import secrets
import stat
from pathlib import Path

import pytest

from admit.errors import ConfigError
from admit.stores.secret_file import read_or_make


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "secret"


def test_it_is_made_once_for_its_owner_alone(path: Path) -> None:
    made = read_or_make(path, secrets.token_bytes)
    assert len(made) == 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read_or_make(path, secrets.token_bytes) == made
    assert [file.name for file in path.parent.iterdir()] == ["secret"], "a draft was left behind"


async def test_of_many_who_make_it_at_once_all_read_the_same(path: Path) -> None:
    made = await asyncio.gather(*(asyncio.to_thread(read_or_make, path, secrets.token_bytes) for _ in range(20)))
    assert len(set(made)) == 1
    assert [file.name for file in path.parent.iterdir()] == ["secret"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o601, 0o644])
def test_it_is_refused_when_others_can_read_it(path: Path, mode: int) -> None:
    read_or_make(path, secrets.token_bytes)
    path.chmod(mode)
    with pytest.raises(ConfigError, match="chmod 600"):
        read_or_make(path, secrets.token_bytes)


def test_it_is_refused_when_it_was_cut_off(path: Path) -> None:
    path.write_bytes(b"short")
    path.chmod(0o600)
    with pytest.raises(ConfigError, match="5 bytes"):
        read_or_make(path, secrets.token_bytes)


def test_it_is_told_when_it_cannot_be_read(path: Path) -> None:
    path.mkdir()
    with pytest.raises(ConfigError, match="cannot be used"):
        read_or_make(path, secrets.token_bytes)
