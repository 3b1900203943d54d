"""What people do to an authority: acts that can be named across processes, and how each came out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from admit.authority import Authority
from admit.core.request import Request
from admit.core.store import Store
from admit.errors import AdmitError, Denied
from admit.sessions import Session
from admit.stores.sqlite import SqliteStore
from admit.tokens import Pair
from admit.unsafe import CHEAPEST_HASH
from services import PassingClock

ISSUER = "https://app.example.com/auth"
EMAIL = "ann@example.com"
PASSWORD = "a password of some length"
ANOTHER = "another one, not shorter"
SECRET = b"the master secret of all these tests"


def authority(store: str | Store, **settings: Any) -> Authority:
    """An authority over ``store``, with passwords that cost nothing, and a secret where the store makes none."""
    if isinstance(store, str) and not store.startswith(("memory:", "sqlite:")):
        settings.setdefault("secret", SECRET)
    return Authority(store, issuer=ISSUER, hashing=CHEAPEST_HASH, **settings)


def sqlite_of(auth: Authority) -> SqliteStore:
    """The SQLite store that ``auth`` stands on, for tests that reach inside."""
    store = auth._ledger.store
    assert isinstance(store, SqliteStore)
    return store


@dataclass(frozen=True)
class Held:
    """What somebody holds of one sign-in."""

    session: Session
    cookie: str
    pair: Pair

    def requests(self) -> dict[str, Request]:
        """A request by each of the credentials that a request may carry."""
        headers = {
            "cookie": (b"cookie", f"__Host-admit={self.cookie}".encode()),
            "access token": (b"authorization", f"Bearer {self.pair.access_token}".encode()),
        }
        return {name: Request("GET", f"{ISSUER}/me", (header,)) for name, header in headers.items()}


@dataclass(frozen=True)
class Outcome:
    """How an act came out: a value, or the name of the error and what the log would say."""

    value: Any = None
    error: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Act:
    """Something to be done to an authority: a function on the top level of a module, and its arguments."""

    what: Callable[..., Awaitable[Any]]
    args: tuple[Any, ...] = ()

    async def outcome(self, auth: Authority) -> Outcome:
        """How it came out; nothing but our own errors is an outcome."""
        try:
            return Outcome(await self.what(auth, *self.args))
        except AdmitError as error:
            return Outcome(None, type(error).__name__, str(error))


def act(what: Callable[..., Awaitable[Any]], *args: Any) -> Act:
    """``what``, to be done with ``args``."""
    return Act(what, args)


def value_of(cookie: str | None) -> str:
    """The value in a Set-Cookie line."""
    assert cookie is not None
    return cookie.partition("=")[2].partition(";")[0]


async def sign_up(auth: Authority, email: str = EMAIL, password: str = PASSWORD) -> str:
    """The id of a new account."""
    return (await auth.accounts.create(email, password)).id


async def sign_in(auth: Authority, email: str = EMAIL, password: str = PASSWORD) -> Held:
    """A session with a cookie and tokens."""
    started = await auth.sessions.start(await auth.accounts.sign_in(email, password))
    pair = await auth.tokens.issue(started.session)
    return Held(started.session, value_of(started.cookie), pair)


async def admit(auth: Authority, request: Request) -> str:
    """The subject that a request speaks for."""
    return (await auth.admit(request)).subject


async def verify(auth: Authority, text: str, door: str) -> str:
    """The subject that a text speaks for, by what is known already."""
    return auth.verify(text, door).subject


async def revoke(auth: Authority, held: Held) -> None:
    """End a session."""
    await auth.revoke(held.session)


async def refresh(auth: Authority, token: str) -> Pair:
    """The tokens that follow."""
    return await auth.tokens.refresh(token)


async def sign_out_everywhere(auth: Authority, subject: str) -> None:
    """End all sessions of ``subject``."""
    await auth.sessions.sign_out_everywhere(subject)


async def change_password(auth: Authority, held: Held, current: str, new: str) -> Held:
    """The holder's own session under another cookie."""
    started = await auth.accounts.change_password(held.session, current, new)
    return Held(started.session, value_of(started.cookie), held.pair)


async def accepted(auth: Authority, held: Held) -> list[str]:
    """Which credentials of ``held`` open a door now. The refresh token comes last: asking spends it."""
    open_to: list[str] = []
    for name, request in held.requests().items():
        try:
            await auth.admit(request)
        except Denied:
            continue
        open_to.append(name)
    try:
        await auth.tokens.refresh(held.pair.refresh_token)
    except Denied:
        return open_to
    return [*open_to, "refresh token"]


EVERY = ["cookie", "access token", "refresh token"]
"""What :func:`accepted` says of a session that is alive."""


async def spend(auth: Authority, ticket: str, purpose: str) -> str:
    """The id of the ticket that was taken."""
    return (await auth.tickets.spend(ticket, purpose)).id


async def let_pass(auth: Authority, seconds: float) -> None:
    """Let time pass for an authority with a clock that allows it."""
    assert isinstance(auth.clock, PassingClock)
    auth.clock.passes(seconds)


async def rotate_keys(auth: Authority) -> str:
    """The id of the key that signs after a rotation."""
    return (await auth.keys.rotate()).signing.kid


async def catch_up(auth: Authority) -> None:
    """Know all that has ended by now."""
    await auth._gate.catch_up()


async def first_keys(_: Authority, store: str | Store) -> list[str]:
    """The ids of the signing keys that an authority finds, or makes, in ``store``."""
    auth = authority(store, secret=SECRET)
    kids = [listed.kid for listed in await auth.keys.list()]
    if isinstance(store, str):  # others may still be at work on what is shared in memory
        await auth.close()
    return kids
