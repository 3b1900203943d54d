"""Logs in Redis: where a reader stands in each home's stream, and what he reads from there on."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from typing import TypeAlias

import pybase64

from admit.core.store import Append, Cursor, Page
from admit.errors import CursorLost
from admit.stores.redis_lines import Word

NONCE = 8
"""Bytes that name an entry."""

BELIEVED: tuple[Word, ...] = (b"", 0)
"""What a script is told by who believes all that it reads."""

_STAND = re.compile(r"([*0-9A-Za-z_-]):([0-9]{1,20})-([0-9]{1,20})\.([0-9A-Za-z_-]{11})")

Stand = tuple[int, int, bytes]
"""The name of a log that is one history, the number of an entry in it, and the entry's nonce."""

Line: TypeAlias = "tuple[bytes, list[bytes]]"
"""An entry of a stream: its id, and its only field."""


class Ends:
    """The last entry of each log that this process may rely on. Usable from any thread.

    It was acknowledged here, or read where replicas had it: a log that ends before it is another history.
    """

    def __init__(self) -> None:
        self._last: dict[bytes, Stand] = {}

    def note(self, log: bytes, id: bytes, nonce: bytes) -> None:
        """That ``id`` is there for good."""
        history, number = _number(id)
        last = self._last.get(log)
        # One of another history does not take its place: whoever reads next has to miss it.
        if last is None or (last[0] == history and last[1] < number):
            self._last[log] = history, number, nonce

    def known(self, logs: Mapping[str, bytes]) -> dict[str, Stand]:
        """By home, what has to be found by whoever reads from now on."""
        return {home: last for home, log in logs.items() if (last := self._last.get(log))}

    def proof(self, mark: bytes, logs: Sequence[bytes]) -> list[Word]:
        """What a script that reads is told, so that it can say which of ``logs`` end with something else."""
        words: list[Word] = [mark, len(logs)]
        for log in logs:
            words += (log, self._last[log][2] if log in self._last else b"")
        return words

    def prove(self, news: Sequence[bytes]) -> None:
        """That replicas have what such a script said."""
        for log, id, nonce in zip(news[::3], news[1::3], news[2::3], strict=True):
            if id:
                self.note(log, id, nonce)


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


def page(read: Mapping[str, list[Line]], after: dict[str, Stand], limit: int, known: Mapping[str, Stand] = {}) -> Page:
    """At most ``limit`` entries of what was read in each home. Changes ``after``.

    Raises CursorLost, also when the log ends before what was ``known``: a failover has undone it.
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
        if whole and home in known and (home not in after or _is_behind(after[home], known[home])):
            raise CursorLost(f"the log ends before an entry that was there for good ({home})")
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


def _is_behind(stand: Stand, last: Stand) -> bool:
    """Whether a log whose end is at ``stand`` lacks the entry that is known to be its ``last``."""
    return stand[0] != last[0] or stand[1] < last[1] or (stand[1] == last[1] and stand[2] != last[2])


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
