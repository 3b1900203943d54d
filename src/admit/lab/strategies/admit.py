"""Admit's own: each application server knows from a log what has ended, under a lease, and asks nobody for a request."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from admit.authority import Authority
from admit.core.request import Request
from admit.core.session_policy import SessionPolicy
from admit.core.store import Insert, Record, Store
from admit.errors import Denied, Stale, StoreError
from admit.lab import carried
from admit.lab.counted import Counted
from admit.lab.credentials import AccessTokens, Cookies, Keys, Way, copied, kept_of
from admit.lab.material import ISSUER
from admit.lab.shared import Shared
from admit.lab.strategy import (
    DEMOTED,
    ENDINGS,
    About,
    Caller,
    Count,
    Ending,
    Held,
    Issuer,
    Plan,
    Refused,
    Server,
    Unavailable,
)
from admit.lab.tables.table import COMMIT
from admit.lab.weight import taken, weighing
from admit.stores import open_store
from admit.stores.memory import MemoryStore
from admit.subjects import Subject
from admit.tokens import TokenPolicy

T = TypeVar("T")

AT_ONCE = 4
"""Commits of a thousand that are on their way together, while everybody is signed in."""

MEMORIES = Shared(MemoryStore)
"""Stores in memory, which an issuer and its servers in this process share."""


@dataclass(frozen=True, slots=True)
class Leased:
    """A strategy that verifies locally what a log keeps up to date."""

    about: About
    way: Way

    async def issuer(self, plan: Plan) -> Issuer:
        """The authority where people sign in."""
        count = Count()
        store = store_of(plan, count)
        return LeasedIssuer(self.way, plan, store, await opened(plan, store), count)

    async def server(self, plan: Plan) -> Server:
        """An authority of its own on the same store, as each server of a fleet has one."""
        count = Count()
        return _Server(self.way, plan, await opened(plan, store_of(plan, count)), count)


def store_of(plan: Plan, count: Count) -> Store:
    """The store of ``plan``, whose answers are counted."""
    if not _in_memory(plan):
        return Counted(open_store(plan.url), count)
    return Counted(MEMORIES.take(plan), count)


async def _closed(plan: Plan, auth: Authority) -> None:
    await auth.close()
    if _in_memory(plan):
        MEMORIES.give_back(plan)


def _in_memory(plan: Plan) -> bool:
    return plan.url.startswith("memory:")


async def opened(plan: Plan, store: Store, issuer: str = ISSUER) -> Authority:
    """An authority on ``store``. Raises StoreError."""
    seconds = plan.session_seconds
    auth = Authority(
        store,
        issuer=issuer,
        secret=plan.secret,
        sessions=SessionPolicy(idle=seconds, absolute=seconds),
        tokens=TokenPolicy(access=plan.access_seconds, leeway=0.0),
        max_staleness=plan.staleness,
        audit_days=0,  # the others keep none either
    )
    await auth.open()
    return auth


@asynccontextmanager
async def in_our_words() -> AsyncGenerator[None]:
    """Whatever Admit refuses inside, or cannot tell, is Refused or Unavailable."""
    try:
        yield
    except Denied as denied:
        raise Refused(str(denied)) from denied
    except (Stale, StoreError) as error:
        raise Unavailable(str(error)) from error


class LeasedIssuer:
    """An authority, whose people have their credentials in one way."""

    def __init__(self, way: Way, plan: Plan, store: Store, auth: Authority, count: Count) -> None:
        self.count = count
        self._way = way
        self._plan = plan
        self._store = store
        self._auth = auth
        self._kept = 0

    async def load(self, subjects: Sequence[str]) -> None:
        """Sign in one of them, and copy him for the others."""
        async with weighing(self._plan.url, partial(taken, self._plan.url)) as grown:
            await self._load(subjects)
        self._kept += grown[0]

    async def _load(self, subjects: Sequence[str]) -> None:
        for subject in subjects[:1]:
            # One signs in; all others are its like, so that nobody waits for a million sign-ins.
            held = await self.sign_in(subject)
            like = [record for record in await self._store.get(*kept_of(self._way, held)) if record is not None]
            commits = _parts(subjects[1:], COMMIT // len(like))
            if _in_memory(self._plan):
                for some in commits:  # waiting for nothing, so that nothing which others do is weighed with it
                    await self._commit(like, some)
                return
            for several in _parts(commits, AT_ONCE):
                await asyncio.gather(*(self._commit(like, some) for some in several))

    async def _commit(self, like: Sequence[Record], subjects: Sequence[str]) -> None:
        await self._store.commit(*(Insert(copied(record, one)) for one in subjects for record in like))

    async def sign_in(self, subject: str, *, roles: frozenset[str] = frozenset({"user"})) -> Held:
        """With a proof that somebody else has seen. Raises Unavailable."""
        async with in_our_words():
            auth = self._auth
            if frozenset((await auth.subjects.get(subject)).roles) != roles:
                await auth.subjects.change(subject, lambda before: before.with_roles(roles))
            proof = (await auth.subjects.before(subject)).proven(*carried.METHODS)
            return await self._way.begin(auth, proof, self._plan.session_seconds)

    async def refresh(self, held: Held) -> Held:
        """Spend the refresh token, where there is one. Raises Refused, Unavailable."""
        if held.refresh is None:
            return held
        async with in_our_words():
            pair = await self._auth.tokens.refresh(held.refresh)
            return AccessTokens.held(held.subject, pair.access_token, pair.refresh_token)

    async def end(self, how: Ending, held: Held) -> None:
        """As an application would. Raises Unavailable."""
        async with in_our_words():
            match how:
                case "sign out":
                    await self._way.end(self._auth, held)
                case "disable":
                    await self._auth.subjects.change(held.subject, Subject.disabled)
                case "password change":
                    await self._auth.subjects.change(held.subject, Subject.proof_changed)
                case "role change":
                    await self._auth.subjects.change(held.subject, lambda before: before.with_roles(DEMOTED))

    async def kept_bytes(self) -> int:
        """By how much the store grew."""
        return self._kept

    async def close(self) -> None:
        """Give back the store."""
        await _closed(self._plan, self._auth)


class _Server:
    def __init__(self, way: Way, plan: Plan, auth: Authority, count: Count) -> None:
        self.count = count
        self._plan = plan
        self._auth = auth
        self._door, self._header, self._prefix, self._length = way.door, way.header, way.prefix, len(way.prefix)
        self._seen = auth.seen

    async def verify(self, header: tuple[str, str]) -> Caller:
        name, value = header
        # As the guards do: what is like most requests is known at once, and all else is looked at closely.
        usual = name == self._header and value.startswith(self._prefix)
        who = self._seen(value[self._length :], self._door) if usual else None
        if who is None:
            request = Request("GET", ISSUER, ((name.encode(), value.encode("utf-8", "replace")),))
            async with in_our_words():
                who = await self._auth.admit(request, accept=(self._door,))
        return Caller(who.subject, who.roles)

    async def close(self) -> None:
        await _closed(self._plan, self._auth)


def _parts(them: Sequence[T], each: int) -> list[Sequence[T]]:
    return [them[at : at + each] for at in range(0, len(them), each)]


def _leased(id: str, title: str, built: str, way: Way, spares: tuple[Ending, ...] = ()) -> Leased:
    about = About(
        id=id,
        family="admit",
        title=title,
        built=f"{built}; verified locally, and a log that every server follows under a lease says what has ended.",
        stores=("memory", "sqlite", "postgresql", "redis"),
        carrier="cookie" if isinstance(way, Cookies) else "bearer",
        ends=tuple(how for how in ENDINGS if how not in spares),
        spares=spares,
    )
    return Leased(about, way)


COOKIE = _leased("admit-cookie", "Admit, session cookie", "Looked up when first seen", Cookies())
TOKEN = _leased("admit-token", "Admit, access token", "An ES256 token with a refresh token", AccessTokens())
KEY = _leased(
    "admit-key",
    "Admit, API key",
    "Looked up when first seen. “Sign out” ends the key",
    Keys(),
    spares=("password change",),  # it raises no floor of keys (Subject.proof_changed): a key is no sign-in
)
