"""The store is chosen by its URL, and what cannot be a URL is told in words that say what to write."""

from __future__ import annotations

from pathlib import Path

import pytest

from admit.errors import ConfigError
from admit.stores import open_store


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


def test_a_relative_path_stays_where_it_was_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store = open_store("sqlite:///var/admit.db")
    monkeypatch.chdir("/")
    assert not store.partitioned
    assert vars(store)["_file"].path == tmp_path / "var" / "admit.db"


async def test_memory_by_home_is_partitioned() -> None:
    assert open_store("memory://?homes").partitioned
    assert not open_store("memory://").partitioned
