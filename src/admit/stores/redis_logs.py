"""Logs in Redis: where a reader stands in each home's stream, and what he reads from there on."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Mapping
from functools import reduce
from typing import TypeAlias

import pybase64

from admit.core.store import Append, Cursor, Page
from admit.errors import CursorLost

NONCE = 8
"""Bytes that name an entry."""

_STAND = re.compile(r"([*0-9A-Za-z_-]):([0-9]{1,20})-([0-9]{1,20})\.([0-9A-Za-z_-]{11})")

Stand = tuple[int, int, bytes]
"""The name of a log that is one history, the number of an entry in it, and the entry's nonce."""

Line: TypeAlias = "tuple[bytes, list[bytes]]"
"""An entry of a stream: its id, and its only field."""


class Written:
    """The last entry of each log that was acknowledged to this process, for all who read in it. Usable from any thread."""

    def __init__(self) -> None:
        self._last: dict[bytes, tuple[int, int]] = {}

    def note(self, log: bytes, id: bytes) -> None:
        """That ``id`` is there, which a commit was told."""
        entry = _number(id)
        last = self._last.get(log, entry)
        # One of another history does not take its place: whoever reads next has to miss it.
        self._last[log] = max(last, entry) if last[0] == entry[0] else last

    def known(self, logs: Mapping[str, bytes]) -> dict[str, tuple[int, int]]:
        """By home, what has to be found by whoever reads from now on."""
        return {home: last for home, log in logs.items() if (last := self._last.get(log))}


def written(append: Append, nonce: bytes) -> bytes:
    """An entry, as its stream keeps it."""
    return nonce + struct.pack("<d", append.expires_at) + append.entry


def read(line: bytes) -> tuple[float, bytes]:
    """When an entry expires, and what it says."""
    [expires_at] = struct.unpack_from("<d", line, NONCE)
    return expires_at, line[NONCE + 8 :]


def stands(cursor: Cursor | None, homes: Iterable[str]) -> dict[str, Stand]:
    """Where ``cursor`` stands. Raises CursorLost."""
    found: dict[str, Stand] = {}
    for part in () if cursor is None else cursor.split(","):
        stand = _STAND.fullmatch(part)
        if stand is None or stand[1] not in homes:
            raise CursorLost("this is no cursor of this log")
        found[stand[1]] = int(stand[2]), int(stand[3]), pybase64.urlsafe_b64decode(stand[4] + "=")
    return found


def begin(stand: Stand | None) -> str:
    """The id from which a stream is read: that of the entry where the reader stands, which comes along."""
    return "-" if stand is None else f"{stand[0]}-{stand[1]}"


def page(
    read: Mapping[str, list[Line]], after: dict[str, Stand], limit: int, written: Mapping[str, tuple[int, int]] = {}
) -> Page:
    """At most ``limit`` entries of what was read in each home. Changes ``after``.

    Raises CursorLost, also when the log ends before what was ``written``: a failover has undone it.
    """
    entries: list[bytes] = []
    lasts: list[bytes] = []
    end = True
    for home, found in read.items():
        lines = found[1:] if _stands_in(found, home, after.get(home)) else found
        taken = lines[: limit - len(entries)]
        whole = len(taken) == len(lines)
        end = end and whole
        entries += (fields[1][NONCE + 8 :] for _, fields in taken)
        if taken:
            id, fields = taken[-1]
            after[home] = *_number(id), fields[1][:NONCE]
        if whole and home in written and (home not in after or _is_behind(after[home], written[home])):
            raise CursorLost(f"the log ends before an entry that was acknowledged here ({home})")
        if home in after:
            lasts.append(after[home][2])
    # In homes read one by one, only the end of all is a place that a stamp can stand for.
    stamp = reduce(_mixed, lasts, bytes(NONCE)) if lasts and (end or len(read) == 1) else b""
    return Page(tuple(entries), _cursor(after), end, stamp)


def _stands_in(found: list[Line], home: str, stand: Stand | None) -> bool:
    """Whether what was read begins with the entry on which the reader stands; if he stands at all, it has to."""
    if stand is None:
        return False
    history, number, nonce = stand
    if found:
        id, fields = found[0]
        if id == f"{history}-{number}".encode() and fields[1][:NONCE] == nonce:
            return True
        # Numbers are given one after the other: what is not there, though a later one is, was taken away.
        trimmed = id.startswith(b"%d-" % history) and int(id.partition(b"-")[2]) > number
        raise CursorLost(f"entry {number} of the log is another one, or gone ({home})", trimmed=trimmed)
    raise CursorLost(f"the log has no entry {number}, nor a later one ({home})")


def _is_behind(stand: Stand, last: tuple[int, int]) -> bool:
    """Whether a log whose end is at ``stand`` lacks what was written last."""
    return stand[0] != last[0] or stand[1] < last[1]


def _number(id: bytes) -> tuple[int, int]:
    history, _, number = id.partition(b"-")
    return int(history), int(number)


def _cursor(stands: Mapping[str, Stand]) -> Cursor | None:
    if not stands:
        return None
    return Cursor(
        ",".join(
            f"{home}:{history}-{number}.{pybase64.urlsafe_b64encode(nonce).decode().rstrip('=')}"
            for home, (history, number, nonce) in stands.items()
        )
    )


def _mixed(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))
