"""What the lab found out, as plain values: the page, the tables and the files are all made of a ``Report``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from admit.lab.strategy import About, Ending, Store

Fault = Literal["slow", "gone", "cut"]
"""A store that answers late, a store that was stopped, a network that drops everything without a word."""

Place = Literal["HttpOnly cookie", "localStorage", "memory"]
"""Where a page can keep a credential."""


@dataclass(frozen=True, slots=True)
class Value:
    """The median of repeats, with the lowest and the highest of them."""

    median: float
    low: float
    high: float
    repeats: int


@dataclass(frozen=True, slots=True)
class Storage:
    """What is kept for each person who is signed in."""

    server: dict[int, float]  # bytes for each, by how many were signed in: measured
    client: int  # bytes that the client keeps
    wire: int  # bytes of the header in each request
    formula: str  # what the bytes at a million are worked out by, from the largest number that was measured
    at_a_million: float


@dataclass(frozen=True, slots=True)
class Path:
    """What one verification costs an application server."""

    p50: Value  # microseconds
    p99: Value
    cpu: Value  # microseconds of processor time, of the application server
    operations: float  # for a request, counted
    round_trips: float
    first: Value | None = None  # microseconds of the first request of somebody at a server, over those who came
    first_operations: float = 0.0  # … and what was asked for it


@dataclass(frozen=True, slots=True)
class Throughput:
    """Verifications in a second, by how many application servers share the work."""

    by_servers: dict[int, Value]  # 1, 2, 4 processes
    ten: float | None  # worked out for ten machines from what each costs the part they share
    limit: str  # what stops it from growing


@dataclass(frozen=True, slots=True)
class Revocation:
    """From the moment the end was acknowledged to the last acceptance anywhere, once for each repeat."""

    how: Ending
    lags: tuple[float, ...]  # milliseconds; 0 where nobody accepted it afterwards
    servers: int
    note: str  # where the end has no effect before the credential expires: with which lifetime it was measured
    lifetime: float | None = None  # … that lifetime in seconds; None: the end itself was noticed
    goes_on: float | None = None  # seconds for which what it leaves alone on purpose was seen to get in; no lags then


@dataclass(frozen=True, slots=True)
class Moment:
    """A slice of an outage: how many requests of each sort ended how."""

    at: float  # seconds since the fault began; negative before it
    let_in: int
    wrongly_let_in: int  # ended before, accepted all the same
    refused: int  # rightly
    thrown_out: int  # signed in, told that they are not
    unavailable: int  # told to try again
    slowest: float  # milliseconds


@dataclass(frozen=True, slots=True)
class Outage:
    """What the people see while something is broken."""

    fault: Fault
    began: float
    healed: float  # seconds after it began
    moments: tuple[Moment, ...]
    recovered: float | None  # seconds after it healed until everybody who is signed in gets in again
    what: str = ""  # what was done to the store, in a sentence
    note: str = ""  # what has to be known to judge it
    wrong: float | None = None  # seconds for which one person who was ended got in: the most of all of them
    thrown: float | None = None  # seconds for which one who is signed in was told that he is not


@dataclass(frozen=True, slots=True)
class Lane:
    """A strategy on one store, and all that was measured of it; None: not measured, ``Report.left_out`` says why."""

    about: About
    store: Store
    at: str = ""  # which store, where two of a kind are compared: its host or file, never a password
    storage: Storage | None = None
    path: Path | None = None
    throughput: Throughput | None = None
    revocations: tuple[Revocation, ...] = ()
    outages: tuple[Outage, ...] = ()


@dataclass(frozen=True, slots=True)
class Attack:
    """What was done in a browser to one way of keeping a credential, and what came of it."""

    name: str  # "cross-site request forgery"
    place: Place
    outcome: Literal["stopped", "worked"]
    seen: str  # in a sentence, what the browser and the server did


@dataclass(frozen=True, slots=True)
class Machine:
    """Where it was measured."""

    processors: int
    processor: str
    memory: int  # bytes
    system: str
    versions: dict[str, str]


@dataclass(frozen=True, slots=True)
class Report:
    """All of it."""

    taken_at: str  # RFC 3339
    command: str  # what to type for the same again
    machine: Machine
    users: tuple[int, ...]
    repeats: int
    lanes: tuple[Lane, ...]
    attacks: tuple[Attack, ...]
    left_out: tuple[str, ...]  # each with the reason, and what to do to have it
    seconds: float
