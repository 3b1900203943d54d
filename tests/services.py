"""The services of an authority, what they stand on, and ways to let time pass or others come first."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from admit.accounts import Accounts
from admit.audit import Audit
from admit.authority import Authority
from admit.core.password import HashParameters
from admit.core.store import Change, Key, Record, Store
from admit.hashing import Hashing
from admit.ledger import Ledger
from admit.sessions import Sessions
from admit.stores.memory import MemoryStore
from admit.subjects import Subjects
from admit.system import SystemClock
from admit.unsafe import CHEAPEST_HASH, CheapestHash

EMAIL = "ann@example.com"
PASSWORD = "a password of some length"
ANOTHER = "another one, not shorter"


class PassingClock(SystemClock):
    """The clocks of this machine, and the time that a test lets pass on top."""

    def __init__(self) -> None:
        self._passed = 0.0

    def passes(self, seconds: float) -> None:
        """Let time pass at once."""
        self._passed += seconds

    def now(self) -> float:
        return super().now() + self._passed

    def lease(self) -> float:
        return super().lease() + self._passed


@dataclass(frozen=True)
class Services:
    """What a test asks for."""

    clock: PassingClock
    ledger: Ledger
    subjects: Subjects
    sessions: Sessions
    accounts: Accounts
    hashing: Hashing
    audit: Audit

    async def alive(self, subject: str) -> set[str]:
        """The ids of the sessions of ``subject`` that are valid."""
        return {session.id for session in await self.sessions.of(subject)}


@asynccontextmanager
async def services(
    store: Store, parameters: HashParameters | CheapestHash = CHEAPEST_HASH
) -> AsyncGenerator[Services, None]:
    """The services of an authority over ``store``, opened for them and closed after them."""
    clock = PassingClock()
    async with Authority(store, issuer="https://app.example.com", hashing=parameters, clock=clock) as auth:
        yield Services(clock, auth._ledger, auth.subjects, auth.sessions, auth.accounts, auth._hashing, auth.audit)


class Overtaken(MemoryStore):
    """A store in which something else happens at a chosen moment, once: right after a read, right before a commit."""

    def __init__(self) -> None:
        super().__init__()
        self._moment = ""
        self._event: Callable[[], Awaitable[object]] | None = None

    def at(self, moment: str, event: Callable[[], Awaitable[object]]) -> None:
        """Let ``event`` happen the next time it is ``moment``."""
        self._moment, self._event = moment, event

    @property
    def overtaken(self) -> bool:
        """Whether it has happened."""
        return self._event is None

    async def get(self, *keys: Key) -> list[Record | None]:
        found = await super().get(*keys)
        await self._overtake(f"after {keys[0][0]} is read")
        return found

    async def commit(self, *changes: Change) -> None:
        await self._overtake("before the commit")
        await super().commit(*changes)

    async def _overtake(self, moment: str) -> None:
        if self._event is not None and moment == self._moment:
            event, self._event = self._event, None
            await event()
