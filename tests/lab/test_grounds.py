from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from admit.errors import ConfigError, StoreUnavailable
from admit.lab.grounds import Ground, grounds, place
from commands import free_port


def left(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def made(url: str) -> None:
    Path(url.removeprefix("sqlite:///")).write_bytes(b"x")


async def taken(folder: Path, *urls: str) -> list[Ground]:
    async with grounds(urls, folder) as found:
        return [*found]


async def test_memory_and_a_file_of_its_own_are_always_there_and_gone_afterwards(tmp_path: Path) -> None:
    async with grounds([], tmp_path) as found:
        assert [ground.kind for ground in found] == ["memory", "sqlite"]
        first, second = await found[1].another(), await found[1].another()
        made(first)
        made(second)
        assert len(left(tmp_path / "sqlite")) == 2
        await found[1].fresh()
        assert left(tmp_path / "sqlite") == []
    assert left(tmp_path) == []


async def test_a_named_file_gets_a_folder_beside_it_which_goes_away(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    async with grounds([f"sqlite:///{disk}/lab.db"], tmp_path / "temporary") as found:
        url = await found[-1].fresh()
        assert Path(url.removeprefix("sqlite:///")).parent.parent == disk
        assert found[-1].at == f"{disk}/lab.db"
    assert left(disk) == []


async def test_a_file_that_is_there_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    there = tmp_path / "accounts.db"
    there.write_bytes(b"somebody's")
    with pytest.raises(ConfigError, match="not the lab's"):
        await taken(tmp_path / "temporary", f"sqlite:///{there}")
    assert there.read_bytes() == b"somebody's"


async def test_a_url_that_names_a_file_with_options_is_refused(tmp_path: Path) -> None:
    there = tmp_path / "accounts.db"
    there.write_bytes(b"somebody's")
    with pytest.raises(ConfigError, match="takes no options"):
        await taken(tmp_path / "temporary", f"sqlite:///{there}?mode=rw")


async def test_where_nothing_can_be_made_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Nothing can be made in the folder /proc"):
        await taken(tmp_path, "sqlite:////proc/lab.db")


async def test_a_store_that_the_lab_does_not_know_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="sqlite, postgresql, redis"):
        await taken(tmp_path, "mysql://localhost/x")


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://nobody@127.0.0.1:{}/none",
        "postgresql://nobody@127.0.0.1:1{}/none",
        "redis://127.0.0.1:{}",
    ],
)
async def test_a_server_that_does_not_answer_is_said_without_its_password(url: str, tmp_path: Path) -> None:
    secret = url.format(free_port()).replace("nobody@", "").replace("://", "://u:hunter2@", 1)
    with pytest.raises(StoreUnavailable) as told:
        await taken(tmp_path, secret)
    assert "127.0.0.1" in str(told.value)
    assert "hunter2" not in str(told.value)


async def test_what_was_made_is_taken_away_when_it_is_stopped(tmp_path: Path) -> None:
    begun = asyncio.Event()

    async def measuring() -> None:
        async with grounds([], tmp_path) as found:
            made(await found[1].fresh())
            begun.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(measuring())
    await begun.wait()
    assert left(tmp_path) != []
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert left(tmp_path) == []


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("postgresql://ann:hunter2@db.example.com:5433/app?sslmode=disable", "postgresql://…@db.example.com:5433/app"),
        ("redis://:p%40ss@[::1]:6380/3", "redis://…@[::1]:6380/3"),
        ("redis://[::1]:6380/3", "redis://[::1]:6380/3"),
        ("sqlite:////var/lib/lab.db", "sqlite:////var/lib/lab.db"),
    ],
)
def test_a_store_is_told_without_who_asks_it(url: str, told: str) -> None:
    assert place(url) == told
