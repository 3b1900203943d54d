"""What the classic strategies keep their credentials in: one table, the same on every store, as small as it can be."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Protocol

import msgspec

from admit.lab.strategy import Count

COMMIT = 1_000
"""Rows that are put in together."""

PATIENCE = 2.0
"""Seconds that somebody waits for an answer of a server."""

_NAME = re.compile("[a-z0-9-]{1,40}")


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A session, a family of refresh tokens, an API key, or a token that must not count any more.

    ``proof`` is the digest of what changes while the key stays, such as a refresh token; ``data`` what else is known
    of the sign-in. ``expires_at`` is a Unix time in seconds.
    """

    key: bytes
    subject: str
    roles: str
    expires_at: int
    data: bytes = b""
    proof: bytes = b""


class Table(Protocol):
    """Rows found by their key in one indexed read, and by their subject where something happens to it.

    Every verb raises Unavailable when there is no answer.
    """

    count: Count

    async def get(self, key: bytes) -> Row | None:
        """The row of ``key``; whether it has expired is for the caller to say."""

    async def put(self, *rows: Row) -> None:
        """Add ``rows``, in commits of a thousand."""

    async def swap(self, was: Row, now: Row) -> bool:
        """Put ``now`` in the place of ``was``, unless that has another proof or other roles by then; whether it did."""

    async def end(self, key: bytes) -> Row | None:
        """Remove the row of ``key``; what it was, if it was there."""

    async def end_all(self, subject: str) -> list[Row]:
        """Remove every row of ``subject``, in one step; what they were."""

    async def set_roles(self, subject: str, roles: str) -> list[Row]:
        """Write other roles into every row of ``subject``, in one step; what they are now."""

    async def taken(self) -> int:
        """Bytes that it takes with its indexes, and whatever else lies where it lies."""

    async def close(self) -> None:
        """Give back connections."""


class Kind(Protocol):
    """The module of a kind of store."""

    async def opened(self, rest: str, name: str, count: Count, *, owned: bool) -> Table:
        """The table ``name`` of the store behind ``rest`` of a URL, made if it is not there."""


def checked(name: str) -> str:
    """``name``, which becomes part of statements. Raises ValueError."""
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name of a table")
    return name.replace("-", "_")


def parts(rows: Sequence[Row]) -> list[Sequence[Row]]:
    """``rows`` in commits."""
    return [rows[at : at + COMMIT] for at in range(0, len(rows), COMMIT)]
