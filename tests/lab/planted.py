"""Strategies with known faults: an instrument is right when it finds, in each of them, what was planted there."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

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
    Store,
    Strategy,
    Unavailable,
)

LAG = 1.0
"""Seconds for which a late server goes on accepting."""

ADMIN = frozenset({"admin"})


def about(name: str, *stores: Store, ends: tuple[Ending, ...] = ENDINGS, spares: tuple[Ending, ...] = ()) -> About:
    return About(name, "session", name, "it was planted", stores, "bearer", ends, spares)


class Planted:
    """An issuer that keeps in a folder who was ended, how and when, or tells a server in this process."""

    def __init__(self, plan: Plan) -> None:
        self.count = Count()
        self._plan = plan

    async def load(self, subjects: Sequence[str]) -> None:
        raise AssertionError("nobody loads these")

    async def sign_in(self, subject: str, *, roles: frozenset[str] = ADMIN) -> Held:
        expires = time.monotonic() + self._plan.access_seconds
        return Held(subject, (subject, str(expires)), kept="")

    async def refresh(self, held: Held) -> Held:
        return held

    async def end(self, how: Ending, held: Held) -> None:
        parts = urlsplit(self._plan.url)
        if parts.scheme == "redis":
            assert await asked(parts.port or 0, f"end {held.subject}") == "done"
            return
        _ended(Path(parts.path, held.subject), how)

    async def kept_bytes(self) -> int:
        return 0

    async def close(self) -> None: ...


def _ended(path: Path, how: Ending) -> None:
    new = path.with_suffix(".new")
    new.write_text(f"{how}/{time.monotonic_ns()}")
    new.rename(path.with_suffix(".ended"))


class Reading:
    """Reads who was ended in the folder, and heeds it so many seconds later."""

    def __init__(self, plan: Plan, lag: float, *, expires: bool = False, spares: Ending | None = None) -> None:
        self.count = Count()
        self._folder = Path(urlsplit(plan.url).path)
        self._lag = lag
        self._expires = expires
        self._spares = spares

    async def verify(self, header: tuple[str, str]) -> Caller:
        subject, expires = header
        if self._expires and time.monotonic() > float(expires):
            raise Refused
        with suppress(FileNotFoundError):
            how, at = (self._folder / f"{subject}.ended").read_text().split("/")
            if how != self._spares and (time.monotonic_ns() - int(at)) / 1e9 > self._lag:
                if how == "role change":
                    return Caller(subject, DEMOTED)
                raise Refused
        return Caller(subject, ADMIN)

    async def close(self) -> None: ...


@dataclass(frozen=True)
class InAFolder:
    """The first ``late`` of its servers are late by LAG, or they never hear of any end."""

    about: About
    late: int = 0
    deaf: bool = False
    expires: bool = False
    spares: Ending | None = None

    async def issuer(self, plan: Plan) -> Issuer:
        return Planted(plan)

    async def server(self, plan: Plan) -> Server:
        lag = LAG if any(_is_first(Path(urlsplit(plan.url).path, f"late-{n}")) for n in range(self.late)) else 0.0
        return Reading(plan, 1e6 if self.deaf else lag, expires=self.expires, spares=self.spares)


def _is_first(path: Path) -> bool:
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return False
    return True


async def asked(port: int, line: str) -> str:
    """What the little server at ``port`` says to ``line``."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(f"{line}\n".encode())
        if not (answer := await reader.readline()):
            raise ConnectionError("hung up")
        return answer.decode().strip()
    finally:
        writer.close()


class Asking:
    """Asks the little server for each request; what it does without an answer was planted."""

    def __init__(self, port: int, without: Literal["try again", "let in", "refuse", "give up"]) -> None:
        self.count = Count()
        self._port = port
        self._without = without
        self._gave_up = False

    async def verify(self, header: tuple[str, str]) -> Caller:
        subject, _ = header
        try:
            if self._gave_up:
                raise ConnectionError("it does not try any more")
            answer = await asked(self._port, f"tell {subject}")
        except ConnectionError as error:
            self._gave_up = self._without == "give up"
            if self._without == "let in":
                return Caller(subject, ADMIN)
            if self._without == "refuse":
                raise Refused from error
            raise Unavailable from error
        if answer != "in":
            raise Refused
        return Caller(subject, ADMIN)

    async def close(self) -> None: ...


@dataclass(frozen=True)
class OverANetwork:
    """Its servers ask for each request."""

    about: About
    without: Literal["try again", "let in", "refuse", "give up"]

    async def issuer(self, plan: Plan) -> Issuer:
        return Planted(plan)

    async def server(self, plan: Plan) -> Server:
        return Asking(urlsplit(plan.url).port or 0, self.without)


KEYS: tuple[Ending, ...] = ("password change",)
EVENTS: tuple[Ending, ...] = tuple(how for how in ENDINGS if how not in KEYS)

STRATEGIES: dict[str, Strategy] = {
    "prompt": InAFolder(about("prompt", "sqlite")),
    "late": InAFolder(about("late", "sqlite"), late=100),
    "late in one server": InAFolder(about("late in one server", "sqlite"), late=1),
    "deaf": InAFolder(about("deaf", "sqlite"), deaf=True),
    "expires only": InAFolder(about("expires only", "sqlite", ends=()), deaf=True, expires=True),
    "better than it says": InAFolder(about("better than it says", "sqlite", ends=()), expires=True),
    "spares keys": InAFolder(about("spares keys", "sqlite", ends=EVENTS, spares=KEYS), spares="password change"),
    "says it spares keys": InAFolder(about("says it spares keys", "sqlite", ends=EVENTS, spares=KEYS)),
    "honest": OverANetwork(about("honest", "redis"), "try again"),
    "trusting": OverANetwork(about("trusting", "redis"), "let in"),
    "hasty": OverANetwork(about("hasty", "redis"), "refuse"),
    "gives up": OverANetwork(about("gives up", "redis"), "give up"),
}
