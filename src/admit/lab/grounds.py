"""Where the lab measures: a place of its own in each store, empty when it is taken, and gone when it is given back."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from admit.core.faults import nearest
from admit.errors import ConfigError
from admit.lab.strategy import Store
from admit.stores import open_store

KINDS: dict[str, Store] = {
    "memory": "memory",
    "sqlite": "sqlite",
    "postgresql": "postgresql",
    "redis": "redis",
    "rediss": "redis",
}


class Ground(Protocol):
    """A place in one store."""

    kind: Store
    at: str
    """Which store, for people: no password stands in it."""

    async def fresh(self) -> str:
        """The URL of a place that is empty; all that was handed out before is gone. Raises StoreError."""

    async def another(self) -> str:
        """The URL of one more place; where the store has but one, of that. Raises StoreError."""

    async def close(self) -> None:
        """Take away whatever was made."""


class Memory:
    """This process."""

    kind: Store = "memory"
    at = ""

    def __init__(self) -> None:
        self._number = 0

    async def fresh(self) -> str:
        """Another name, under which nothing is known."""
        return await self.another()

    async def another(self) -> str:
        """The same."""
        self._number += 1
        return f"memory://lab-{self._number}"

    async def close(self) -> None:
        """It goes with the process."""


class Files:
    """SQLite databases in a folder of their own."""

    kind: Store = "sqlite"

    def __init__(self, folder: Path, at: str = "") -> None:
        self.at = at
        self._folder = folder
        self._number = 0

    async def fresh(self) -> str:
        """Another file; those before it are removed."""
        await self.close()
        return await self.another()

    async def another(self) -> str:
        """Another file, beside those before it."""
        self._number += 1
        self._folder.mkdir(mode=0o700, exist_ok=True)
        return f"sqlite:///{self._folder / f'lab-{self._number}.db'}"

    async def close(self) -> None:
        """Remove the folder."""
        await asyncio.to_thread(_removed, self._folder)


def _removed(folder: Path) -> None:
    for file in folder.iterdir() if folder.exists() else ():
        file.unlink(missing_ok=True)
    if folder.exists():
        folder.rmdir()


@asynccontextmanager
async def grounds(urls: Sequence[str], folder: Path) -> AsyncGenerator[list[Ground]]:
    """One in memory, one in files below ``folder``, and one for each of ``urls``; what they made goes with the block.

    Raises ConfigError for a store that holds what is not the lab's, StoreUnavailable for one that does not answer.
    """
    async with AsyncExitStack() as stack:
        found: list[Ground] = [Memory(), Files(folder / "sqlite")]
        for ground in found:
            stack.push_async_callback(ground.close)
        for url in urls:
            ground = await _ground(url)
            stack.push_async_callback(ground.close)
            found.append(ground)
        yield found


async def _ground(url: str) -> Ground:
    scheme, _, rest = url.partition("://")
    match KINDS.get(scheme):
        case "sqlite":
            open_store(url)  # what it refuses names another file than it seems to
            return _beside(rest)
        case "postgresql":
            from admit.lab import ground_postgresql

            return await ground_postgresql.taken(rest)
        case "redis":
            from admit.lab import ground_redis

            return await ground_redis.taken(scheme, rest)
        case _:
            fault = "The lab measures stores whose URL begins with sqlite, postgresql, redis and rediss."
            near = nearest(scheme.lower(), KINDS)
            raise ConfigError([f"{fault} Begin it with {near}://" if near else f"{fault} Memory is always among them."])


def _beside(rest: str) -> Files:
    """A folder where ``rest`` of a URL says that a database may lie: another disk than that of temporary files."""
    path = Path(rest.removeprefix("/"))
    if path.exists():
        raise ConfigError([f"{path} is there already, and holds what is not the lab's. Name a file that is not there."])
    if not path.parent.is_dir():
        raise ConfigError([f"There is no folder {path.parent} for {path.name}."])
    folder = path.parent.resolve() / f"{path.name}-admit-lab-{secrets.token_hex(4)}"
    try:
        folder.mkdir(mode=0o700)
    except OSError as error:
        raise ConfigError([f"Nothing can be made in the folder {path.parent}: {error.strerror}."]) from error
    return Files(folder, str(path))


def place(url: str) -> str:
    """What of ``url`` may be told: where it is, and never who asks, nor with which password; “…” stands for them."""
    parts = urlsplit(url)
    _, asked, host = parts.netloc.rpartition("@")
    return f"{parts.scheme}://{'…@' if asked else ''}{host}{parts.path}"
