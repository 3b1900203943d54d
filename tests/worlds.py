"""Small worlds to test in: an Authority on each store, a clock that is told to move, and a store that is watched."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from admit.authority import Authority
from admit.core.principal import Principal
from admit.core.request import Request
from admit.core.session_policy import SessionPolicy
from admit.core.store import Change, Cursor, Found, Key, Page, Record, Store
from admit.core.world import Clock
from admit.errors import Denied
from admit.sessions import Started
from admit.stores import open_store
from admit.stores.wrapped import Wrapped
from admit.subjects import Proof
from admit.testing.clock import FakeClock
from admit.tokens import TokenPolicy
from admit.unsafe import CHEAPEST_HASH

ISSUER = "https://app.example.com/auth"
ORIGIN = "https://app.example.com"
SECRET = bytes(range(32))
SCOPES = {"user": "links:read links:write", "admin": "links:read users:write"}
WHOLE = ("memory", "sqlite")
KINDS = ("memory", "homes", "sqlite")
"""Each store: in memory, in memory partitioned by home, in a file."""

T = TypeVar("T")
Hook = Callable[[], Awaitable[object]]


class Watched(Wrapped):
    """A store that counts what it is asked, and lets something else happen before it asks or answers."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.asked: Counter[str] = Counter()
        self.before: dict[str, Hook] = {}
        self.after: dict[str, Hook] = {}

    async def get(self, *keys: Key) -> list[Record | None]:
        return await self._ask("get", lambda: self.inner.get(*keys))

    async def find(self, kind: str, tag: str, *, after: Cursor | None = None, limit: int = 100) -> Found:
        return await self._ask("find", lambda: self.inner.find(kind, tag, after=after, limit=limit))

    async def commit(self, *changes: Change) -> None:
        await self._ask("commit", lambda: self.inner.commit(*changes))

    async def log(self, topic: str, after: Cursor | None, *, limit: int = 1_000, wait: float = 0.0) -> Page:
        return await self._ask("log", lambda: self.inner.log(topic, after, limit=limit, wait=wait))

    async def purge(self, now: float) -> int:
        return await self._ask("purge", lambda: self.inner.purge(now))

    async def count(self, key: str, window: float, now: float, *, hits: int = 1) -> int:
        return await self._ask("count", lambda: self.inner.count(key, window, now, hits=hits))

    @contextmanager
    def once(self, hooks: dict[str, Hook], verb: str, event: Hook) -> Iterator[None]:
        """Let ``event`` happen at the next ``verb``, before or after it as ``hooks`` is."""

        async def happen() -> None:
            del hooks[verb]
            await event()

        hooks[verb] = happen
        yield
        assert verb not in hooks, f"no {verb} came"

    def interleave(self) -> None:
        """Let everybody else have a turn around each read and commit, as a network would."""
        for hooks in (self.before, self.after):
            for verb in ("get", "commit"):
                hooks[verb] = lambda: asyncio.sleep(0)

    async def _ask(self, verb: str, ask: Callable[[], Awaitable[T]]) -> T:
        self.asked[verb] += 1
        if verb in self.before:
            await self.before[verb]()
        answer = await ask()
        if verb in self.after:
            await self.after[verb]()
        return answer


@dataclass(frozen=True)
class World:
    """An authority, its clock and its store."""

    auth: Authority
    clock: FakeClock
    store: Watched

    async def proof(self, subject: str = "ann", *methods: str) -> Proof:
        """As if somebody had just typed the right password."""
        return (await self.auth.subjects.before(subject)).proven(*(methods or ("pwd",)))

    async def sign_in(self, subject: str = "ann", **options: Any) -> Started:
        """A new session."""
        return await self.auth.sessions.start(await self.proof(subject), **options)

    async def by_cookie(self, cookie: Started | str) -> Principal:
        """Whom a browser with this cookie is taken for."""
        return await self.auth.admit(with_cookie(cookie))

    async def by_token(self, token: str) -> Principal:
        """Whom a client with this access token is taken for."""
        return await self.auth.admit(with_token(token))

    async def works(self, request: Request) -> bool:
        """Whether a request is admitted."""
        try:
            await self.auth.admit(request)
        except Denied:
            return False
        return True

    async def refreshes(self, text: str) -> bool:
        """Whether a refresh token is taken."""
        try:
            await self.auth.tokens.refresh(text)
        except Denied:
            return False
        return True


@asynccontextmanager
async def world(kind: str, path: Path | None = None, **settings: Any) -> AsyncIterator[World]:
    """A world of its own on a store of ``kind``; ``settings`` are those of the Authority."""
    clock = FakeClock()
    store = Watched(made(kind, path))
    async with authority(store, clock, **settings) as auth:
        yield World(auth, clock, store)


def authority(store: Store | str, clock: Clock, **settings: Any) -> Authority:
    """An authority that hashes cheaply."""
    usual: dict[str, Any] = {"issuer": ISSUER, "secret": SECRET, "scopes": SCOPES, "hashing": CHEAPEST_HASH}
    return Authority(store, clock=clock, **usual | settings)


def made(kind: str, path: Path | None = None) -> Store:
    """A new store of ``kind``, one of :data:`KINDS`."""
    return open_store({"memory": "memory://", "homes": "memory://?homes", "sqlite": f"sqlite:///{path}/admit.db"}[kind])


def value_of(cookie: Started | str) -> str:
    """The value of a session cookie, out of its Set-Cookie line."""
    line = cookie.cookie if isinstance(cookie, Started) else cookie
    assert line is not None
    return line.partition("=")[2].partition(";")[0]


def with_cookie(cookie: Started | str, method: str = "GET") -> Request:
    """The request of a browser that has this cookie."""
    return Request(method, f"{ORIGIN}/", ((b"cookie", f"__Host-admit={value_of(cookie)}".encode("latin-1")),))


def with_token(token: str) -> Request:
    """The request of a client that has this access token."""
    return Request("GET", f"{ORIGIN}/", ((b"authorization", f"Bearer {token}".encode("latin-1")),))


MINUTE = 60.0
SHORT = SessionPolicy(idle=30 * MINUTE, absolute=120 * MINUTE)
NO_GRACE = TokenPolicy(grace=0)
