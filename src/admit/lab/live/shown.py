"""What the page is told of the lab, as JSON."""

from __future__ import annotations

from msgspec import Struct


class Message(Struct, frozen=True):
    """One request and its answer, and what the server that gave it asked of others, counted and timed there."""

    id: int
    who: str
    to: str
    request: str
    status: int
    answer: str
    operations: int
    round_trips: int
    microseconds: float


class Kept(Struct, frozen=True):
    """One thing that the browser keeps."""

    name: str
    value: str
    bytes: int


class App(Struct, frozen=True):
    """One application server so far."""

    number: int
    requests: int
    operations: int  # that it asked of the store for those requests
    besides: int  # … and when it was started, or to be ready for one
    status: int


class Run(Struct, frozen=True):
    """The same answer from ``since`` to ``until``, in seconds after the copy was made."""

    since: float
    until: float
    said: str


class Row(Struct, frozen=True):
    """One application server, and what it said to the copy."""

    number: int
    runs: tuple[Run, ...]


class Copy(Struct, frozen=True):
    """A copy of a credential, and how it fared."""

    stolen: bool
    running: bool
    age: float
    ended: float | None
    rows: tuple[Row, ...]


class Verdict(Struct, frozen=True):
    """What a copy is worth, or was: a figure, what it means, and whether that is good."""

    figure: str
    means: str
    good: bool
    settled: bool


class Lane(Struct, frozen=True):
    """One way to stay signed in."""

    id: str
    title: str
    built: str
    standing: str  # "out", "in", "refused", "disabled"
    said: str
    browser: str
    store: str
    app: str
    kept: tuple[Kept, ...]
    claims: dict[str, str]
    lifetime: float
    expires_in: float | None
    each: float  # bytes that the store keeps for each who is signed in, measured on others
    others: int  # … on as many
    apps: tuple[App, ...]
    verdict: Verdict | None
    copy: Copy | None
    messages: tuple[Message, ...]


class Option(Struct, frozen=True):
    """Something that the token lane can be."""

    id: str
    label: str


class Lab(Struct, frozen=True):
    """All of it."""

    step: int
    servers: int
    token: str
    tokens: tuple[Option, ...]
    every: float  # seconds between two rounds of the copy
    lanes: tuple[Lane, ...]
