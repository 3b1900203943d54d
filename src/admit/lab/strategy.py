"""What the lab compares: a strategy says who signs people in, and how an application server tells who is asking."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol, runtime_checkable

Ending = Literal["sign out", "disable", "password change", "role change"]
"""What must be noticed; after a role change the old role may not be seen any more, the person stays signed in."""

ENDINGS: tuple[Ending, ...] = ("sign out", "disable", "password change", "role change")

DEMOTED: frozenset[str] = frozenset({"guest"})
"""The roles that a role change leaves somebody with."""

Store = Literal["memory", "sqlite", "postgresql", "redis", "none"]
"""What a strategy reads from; "none" where an application server needs a key and nothing else."""


class Refused(Exception):
    """This credential lets nobody in: ended, expired, or never issued."""


class Unavailable(Exception):
    """Whether it does cannot be told now: the person is asked to try again, and stays signed in."""


class Unmeasured(Exception):
    """Why something could not be measured: the report says so in its place."""


@dataclass(frozen=True, slots=True)
class Plan:
    """All that a process must know to take part; it goes to other processes as JSON."""

    strategy: str  # its id in STRATEGIES
    url: str  # the store that all of its processes share
    secret: bytes  # 32 bytes of which every key is derived
    access_seconds: float = 300.0  # how long an access token lives
    session_seconds: float = 86_400.0  # how long a session and a refresh token live
    staleness: float = 2.0  # seconds: the bound S of leased verification


@dataclass(frozen=True, slots=True)
class Held:
    """What a client has after a sign-in."""

    subject: str
    header: tuple[str, str]  # what goes with every request
    kept: str  # all that the client keeps: the cookie, the token, both tokens, the key
    refresh: str | None = None  # the refresh token, where there is one


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is asking, as an application server found out."""

    subject: str
    roles: frozenset[str]


@dataclass(slots=True)
class Count:
    """What an application server asked of others; counted where it is sent, never assumed."""

    operations: int = 0  # commands or statements of a store
    round_trips: int = 0  # times that somebody had to wait for an answer over a connection


class Issuer(Protocol):
    """The part of a strategy that signs people in and ends what they hold."""

    count: Count

    async def load(self, subjects: Sequence[str]) -> None:
        """Sign in each of ``subjects`` once, in commits of a thousand; nobody needs what they hold."""

    async def sign_in(self, subject: str, *, roles: frozenset[str] = frozenset({"user"})) -> Held:
        """Sign ``subject`` in."""

    async def refresh(self, held: Held) -> Held:
        """What the client holds next; the same, where nothing is refreshed. Raises Refused, Unavailable."""

    async def end(self, how: Ending, held: Held) -> None:
        """Do what an administrator or the person does; back when the strategy says that it is done."""

    async def kept_bytes(self) -> int:
        """Bytes that the server side keeps for everybody that was loaded, indexes included."""

    async def close(self) -> None:
        """Give back connections and files."""


class Server(Protocol):
    """The part of a strategy that stands in each application server."""

    @property
    def count(self) -> Count:
        """What it has asked of others so far, whether for a request or to be ready for one."""

    async def verify(self, header: tuple[str, str]) -> Caller:
        """Who is asking. Raises Refused, Unavailable."""

    async def close(self) -> None:
        """Give back connections."""


@dataclass(frozen=True, slots=True)
class About:
    """What there is to say of a strategy before anything is measured."""

    id: str
    family: Literal["session", "jwt", "hybrid", "api key", "admit"]
    title: str
    built: str  # in a sentence: what it is made of
    stores: tuple[Store, ...]  # the kinds of store that it can share
    carrier: Literal["cookie", "bearer"]
    ends: tuple[Ending, ...] = ENDINGS  # what takes effect before the credential expires; the others never do
    spares: tuple[Ending, ...] = ()  # … of the others, what is meant to leave it alone
    outsiders: bool = False  # whether who verifies need not be trusted: a public key, or a question, tells him enough


class Strategy(Protocol):
    """One way to tell who is asking: to add one, add a file to ``strategies`` and a line to its table."""

    @property
    def about(self) -> About:
        """What there is to say of it before anything is measured."""

    async def issuer(self, plan: Plan) -> Issuer:
        """Where people sign in: one of it for a store. Raises StoreError."""

    async def server(self, plan: Plan) -> Server:
        """One application server more, in this process or another. Raises StoreError."""


@runtime_checkable
class Asked(Issuer, Protocol):
    """An issuer whose application servers ask it, over HTTP, and no store."""

    asked_at: str
    """What they are told in place of the store's URL."""

    listens_at: int
    """The port of this machine at which it answers."""


@runtime_checkable
class Fronted(Strategy, Protocol):
    """A strategy with such an issuer, which may stand behind something that passes on what arrives."""

    async def issuer_at(self, plan: Plan, *, reached: int) -> Asked:
        """The issuer that is reached at the port ``reached`` of this machine, where others listen. Raises StoreError."""


@runtime_checkable
class Listing(Issuer, Protocol):
    """An issuer that keeps a list of what has ended and might still be presented."""

    listed: int
    """How many were put on it for those who were loaded: as many as sign out within the life of an access token."""


def for_servers(issuer: Issuer, plan: Plan) -> Plan:
    """What application servers are told, of the ``plan`` that ``issuer`` was opened with."""
    return replace(plan, url=issuer.asked_at) if isinstance(issuer, Asked) else plan
