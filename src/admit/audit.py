"""The audit log as it is read: its pages, the newest first, and what is being added; and tries that failed, told apart from floods."""

from __future__ import annotations

import asyncio
import hmac
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush

from admit.core import secret
from admit.core.audit import AUDIT, DAY, Act, Entry, everything_in
from admit.core.ids import HOMES, anchor, home_of, is_id
from admit.core.secret import Master
from admit.core.store import Cursor, Record, behind
from admit.errors import BadInput, TooMany
from admit.ledger import Ledger

EXAMINED = 1_000
"""Entries that are looked at for one page, whether or not they are asked for."""

WINDOW = 3_600.0
"""Seconds within which failures are counted together."""

MOST_FAILURES = 1_000
"""Failures that are written down one by one in a window, by all processes of a store; of those beyond, ever fewer."""

LOOK_BACK = 2.0
"""Seconds by which somebody else's commit may be late, or his clock behind."""

POLL = 1.0
"""Seconds between two looks for what is new."""

_AT_ONCE = 20
_DIGEST_BYTES = 12

Owner = Callable[[str], Awaitable[str | None]]
"""Finds whose account has an e-mail address, in the form of :func:`canonical`."""

Asked = Callable[[Entry], bool]
"""Whether an entry is asked for."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A page of the audit log, the newest first. ``after`` continues it, None when it is over.

    A page may be short, even empty, and not the last: no more than :data:`EXAMINED` entries are looked at for it.
    """

    entries: tuple[Entry, ...]
    after: str | None


def everything(entry: Entry) -> bool:  # noqa: ARG001 - whatever it is
    """All entries are asked for."""
    return True


class Audit:
    """Reads the audit log, which the services write in the commits of what they do, and writes what came to nothing."""

    def __init__(self, ledger: Ledger, master: Master) -> None:
        self._ledger = ledger
        self._master = master

    async def page(
        self,
        after: str | None = None,
        *,
        subject: str | None = None,
        since: float = 0.0,
        asked: Asked = everything,
        limit: int = 100,
    ) -> Listed:
        """A page of what is kept, of what happened to ``subject`` or to anybody, from ``since`` on (Unix seconds).

        Raises BadInput (``bad_cursor``) for an ``after`` that no page has given.
        """
        if after is not None and not is_id(HOMES[0] + after):
            raise BadInput("bad_cursor", "This is no place in the audit log; begin without.", field="after")
        since = max(since, self._ledger.clock.now() - self._ledger.trail.days * DAY)
        found: list[Entry] = []
        examined = 0
        async for record in self._newest(subject, after):
            entry = AUDIT.decode(record)
            if entry.at < since:
                break
            found += [entry] if asked(entry) else []
            examined += 1
            if len(found) == limit or examined == EXAMINED:
                return Listed(tuple(found), record.id[1:])
        return Listed(tuple(found), None)

    async def follow(
        self, *, subject: str | None = None, since: float | None = None, asked: Asked = everything
    ) -> AsyncGenerator[Entry]:
        """What is written from ``since`` on (default: now), the oldest first, each once, and then what comes; without end."""
        told = set[str]()
        begin = since = self._ledger.clock.now() if since is None else since
        while True:
            there = await self._all(subject, begin)
            for entry in reversed(there):
                if entry.id not in told and asked(entry):
                    yield entry
            told = {entry.id for entry in there}
            begin = max([since, *(entry.at - LOOK_BACK for entry in there[:1])])
            await asyncio.sleep(POLL)

    async def failed(self, act: Act, subject: str, why: str, *, known_by: str) -> None:
        """Note that ``act`` came to nothing: the first time, the second, the fourth and so on within the hour.

        ``known_by`` is what was typed for a name. It is not kept, for it may be a password that was typed into the
        wrong field: where there is no ``subject``, a keyed digest of it is. Whether there is one makes no difference to
        what is done (ENU-01).
        """
        if self._ledger.trail.keeps:
            named = self._digest(known_by)
            times = await self._ledger.count(f"audit {act} {named}", WINDOW, self._ledger.clock.now())
            if not times & times - 1:
                await self._write(act, subject, why, times, "" if subject else named)

    async def refused(self, act: Act, why: str) -> None:
        """Note that ``act`` was not even tried, which whoever refuses says once in a while."""
        if self._ledger.trail.keeps:
            who = self._ledger.trail.who
            await self._write(act, "" if who is None else who.subject, why)

    async def kept_waiting(self, email: str, owner: Owner) -> None:
        """Note that a sign-in to the account of ``email`` was not even tried: of its ``owner``, if it has one.

        The address is kept no more than by :meth:`failed`, and it is looked for in either case (ENU-01).
        """
        if self._ledger.trail.keeps:
            subject = await owner(email) or ""
            await self._write(Act.SIGN_IN, subject, TooMany.code, what="" if subject else self._digest(email))

    async def _write(self, act: Act, subject: str, why: str, times: int = 1, what: str = "") -> None:
        """Write down what is no part of another commit, unless there is too much of it: guessing fills no disk."""
        ledger = self._ledger
        written = await ledger.count("audit", WINDOW, ledger.clock.now())
        if written <= MOST_FAILURES or not written & written - 1:
            entry = ledger.trail.entry(act, subject, what=what, failed=why, times=times)
            await ledger.commit(ledger.trail.insert(entry, home_of(what)))

    async def _all(self, subject: str | None, since: float) -> list[Entry]:
        found: list[Entry] = []
        async for record in self._newest(subject, None):
            entry = AUDIT.decode(record)
            if entry.at < since:
                break
            found.append(entry)
        return found

    async def _newest(self, subject: str | None, after: str | None) -> AsyncGenerator[Record]:
        """All entries there are, or those of ``subject``, the newest first; ``after`` is an id without its home."""
        tags = map(everything_in, HOMES) if subject is None else (anchor(subject),)
        walks = [_Walk(self._ledger, tag, None if after is None else behind(tag[0] + after)) for tag in tags]
        for walk in walks:
            await walk.go_on()
        heads = [(walk.read[0].id[1:], place) for place, walk in enumerate(walks) if walk.read]
        heapify(heads)
        while heads:
            _, place = heappop(heads)
            walk = walks[place]
            yield walk.read.popleft()
            await walk.go_on()
            if walk.read:
                heappush(heads, (walk.read[0].id[1:], place))

    def _digest(self, text: str) -> str:
        key = self._master.key("audit")
        assert key is not None
        return secret.written(hmac.digest(key, text.encode(), "sha256")[:_DIGEST_BYTES])


@dataclass(slots=True)
class _Walk:
    """The entries that bear a tag, as far as they were ``read``."""

    ledger: Ledger
    tag: str
    after: Cursor | None
    read: deque[Record] = field(default_factory=deque[Record])
    over: bool = False

    async def go_on(self) -> None:
        """Have the next entry, unless there is none."""
        if not self.read and not self.over:
            found = await self.ledger.find(AUDIT.kind, self.tag, after=self.after, limit=_AT_ONCE)
            self.read += found.records
            self.after, self.over = found.after, found.after is None
