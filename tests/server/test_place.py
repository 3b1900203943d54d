"""The directory of the demo: made for it, and nobody else's."""

from __future__ import annotations

from pathlib import Path

import pytest

from admit.errors import ConfigError
from admit.server import place
from admit.server.load import load


def test_it_is_written_again_at_each_start(tmp_path: Path) -> None:
    place.prepare(tmp_path / "var", 8000)
    (tmp_path / "var" / "admit.db").touch()
    assert load(place.prepare(tmp_path / "var", 8001)).issuer == "http://127.0.0.1:8001"


@pytest.mark.parametrize("name", ["a b", "ä", "\U0001f511", 'quo"ted', "back\\slash"])
def test_its_name_may_be_any(tmp_path: Path, name: str) -> None:
    assert load(place.prepare(tmp_path / name, 8000)).store == f"sqlite:///{tmp_path / name}/admit.db"


@pytest.mark.parametrize(
    "there, content",
    [
        ("admit.toml", b'issuer = "https://auth.example.com"\n'),
        ("admit.toml", b"\xff"),
        ("notes", b""),
    ],
)
def test_what_is_somebody_elses_is_left_alone(tmp_path: Path, there: str, content: bytes) -> None:
    tmp_path.chmod(0o755)
    (tmp_path / there).write_bytes(content)
    with pytest.raises(ConfigError, match="left alone"):
        place.prepare(tmp_path, 8000)
    assert [(found.name, found.read_bytes()) for found in tmp_path.iterdir()] == [(there, content)]
    assert tmp_path.stat().st_mode & 0o777 == 0o755


def test_a_file_is_no_directory(tmp_path: Path) -> None:
    (tmp_path / "var").touch()
    with pytest.raises(ConfigError):
        place.prepare(tmp_path / "var", 8000)
