"""An authority whose accounts lie in another store than all else, and that dies on its way between the two."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from admit.authority import Authority
from admit.core.store import Change, Cursor, Found, Key, Record, Store
from admit.errors import AdmitError, Denied, StoreUnavailable
from admit.kept import ACCOUNT
from admit.stores.wrapped import Wrapped
from moves import SECRET
from processes.acts import ANOTHER, EMAIL, EVERY, PASSWORD, Held, accepted, authority, sign_in, sign_up

CAROL = "carol@example.com"


@dataclass
class Life:
    """How many commits there are to come, and whether the one after them happens before all is over."""

    left: int
    last: bool
    over: bool = False


class Mortal(Wrapped):
    """A store of somebody who dies after some commits, and from then on does nothing."""

    def __init__(self, inner: Store, life: Life) -> None:
        super().__init__(inner)
        self._life = life

    async def get(self, *keys: Key) -> list[Record | None]:
        self._alive()
        return await super().get(*keys)

    async def find(self, kind: str, tag: str, *, after: Cursor | None = None, limit: int = 100) -> Found:
        self._alive()
        return await super().find(kind, tag, after=after, limit=limit)

    async def commit(self, *changes: Change) -> None:
        self._alive()
        if self._life.left > 0:
            self._life.left -= 1
            await super().commit(*changes)
            return
        if self._life.last:
            await super().commit(*changes)
        self._life.over = True
        self._alive()

    async def close(self) -> None:
        """What is shared with others stays open for them."""

    def _alive(self) -> None:
        if self._life.over:
            raise StoreUnavailable("dead")


@dataclass(frozen=True)
class Two:
    """The two stores, and whoever serves them."""

    store: Store
    accounts: Store

    @asynccontextmanager
    async def served(self, life: Life | None = None, **settings: Any) -> AsyncIterator[Authority]:
        """An authority over both; with ``life``, for that long."""
        store = self.store if life is None else Mortal(self.store, life)
        accounts = self.accounts if life is None else Mortal(self.accounts, life)
        auth = authority(store, accounts_store=accounts, secret=SECRET, **settings)
        async with auth:
            yield auth

    async def marks(self) -> int:
        """How many accounts have something untold."""
        await self.accounts.open()
        found = await self.accounts.find(ACCOUNT.kind, _tag("untold"), limit=100)
        return len(found.records)


def _tag(name: str) -> str:
    from admit.core.ids import home_of

    return home_of("accounts") + name


@dataclass(frozen=True)
class Ann:
    """What Ann holds before it happens: a session, and another one that somebody may have."""

    id: str
    own: Held
    other: Held


async def arrived(auth: Authority) -> Ann:
    """Ann with an account and two sessions."""
    return Ann(await sign_up(auth), await sign_in(auth), await sign_in(auth))


Deed = Callable[[Authority, Ann], Awaitable[Any]]


async def create(auth: Authority, _: Ann) -> None:
    await auth.accounts.create(CAROL, PASSWORD, roles=["admin"])


async def change(auth: Authority, ann: Ann) -> None:
    await auth.accounts.change_password(ann.own.session, PASSWORD, ANOTHER)


async def reset(auth: Authority, ann: Ann) -> None:
    await auth.accounts.set_password(ann.id, ANOTHER)


async def delete(auth: Authority, ann: Ann) -> None:
    await auth.accounts.delete(ann.id)


DEEDS: tuple[Deed, ...] = (create, change, reset, delete)


async def may_sign_in(auth: Authority, password: str, email: str = EMAIL) -> bool:
    """Whether somebody is let in by a password."""
    try:
        await sign_in(auth, email, password)
    except Denied:
        return False
    return True


async def happened(deed: Deed, auth: Authority, ann: Ann) -> bool:
    """Whether a deed was done as a whole; it fails for half a deed."""
    if deed is create:
        account = await auth.accounts.by_email(CAROL)
        assert (account is not None) == await may_sign_in(auth, PASSWORD, CAROL)
        assert account is None or (await auth.subjects.get(account.id)).roles == ("admin",)
        return account is not None
    sessions = [await auth.sessions.get(held.session.id) is not None for held in (ann.own, ann.other)]
    doors = [await accepted(auth, held) for held in (ann.own, ann.other)]
    if await may_sign_in(auth, PASSWORD):
        assert not await may_sign_in(auth, ANOTHER)
        assert (sessions, doors) == ([True, True], [EVERY, EVERY]), "sessions ended for a password that was not changed"
        return False
    assert (sessions[1], doors[1]) == (False, []), "a session outlived what should have ended it"
    assert "cookie" not in doors[0], "the cookie of before opens a door"
    if deed is delete:
        assert await auth.accounts.by_email(EMAIL) is None
        assert not (await auth.subjects.get(ann.id)).active
        assert doors[0] == []
    else:
        assert await may_sign_in(auth, ANOTHER)
        assert sessions[0] <= (deed is change), "somebody who does not know the password goes on"
    return True


async def done(deed: Deed, auth: Authority, ann: Ann) -> bool:
    """Do it; whether it was acknowledged."""
    try:
        await deed(auth, ann)
    except AdmitError:
        return False
    return True


Met = Callable[[Two, Authority, Ann], Awaitable[None]]
"""How somebody meets what was left untold."""


async def by_a_start(two: Two, auth: Authority, ann: Ann) -> None:
    del auth, ann
    async with two.served(Life(1_000, last=False)):
        return


async def by_a_sign_in(two: Two, auth: Authority, ann: Ann) -> None:
    del two, ann
    for email, password in ((EMAIL, ANOTHER), (EMAIL, PASSWORD), (CAROL, PASSWORD)):
        await may_sign_in(auth, password, email)


async def by_a_look(two: Two, auth: Authority, ann: Ann) -> None:
    del two
    await auth.accounts.get(ann.id)
    await auth.accounts.by_email(CAROL)


async def by_a_purge(two: Two, auth: Authority, ann: Ann) -> None:
    del two, ann
    await auth.purge()


MET: tuple[Met, ...] = (by_a_start, by_a_sign_in, by_a_look, by_a_purge)


async def dies_at_each_commit(make: Callable[[], Two], deed: Deed, met: Met, *, last: bool) -> None:
    """Let somebody die at each commit of a deed, beside another server that goes on; nothing happens by halves."""
    commits = 0
    for commits in itertools.count():
        two = make()
        async with two.served() as auth:
            ann = await arrived(auth)
            life = Life(1_000, last)
            async with two.served(life) as dying:
                await dying.check()
                life.left = commits
                acknowledged = await done(deed, dying, ann)
            await met(two, auth, ann)
            assert await two.marks() == 0
            assert await happened(deed, auth, ann) == (acknowledged or commits > 0 or last), "half a deed is finished"
        if acknowledged:
            break
    assert commits == 3, "the account, the subject, the mark"
