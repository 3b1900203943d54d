"""`admit audit`: what was done, to whom, by whom and from where."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

import msgspec
import typer

from admit.audit import Audit
from admit.authority import Authority
from admit.core.audit import Act, Entry
from admit.errors import BadInput
from admit.server.command import Given, Row, account, command, letters, opened

Named = Annotated[
    str | None,
    typer.Option("--of", help="To whom: an account's e-mail address, or the id of any subject.", metavar="SUBJECT"),
]
Acts = Annotated[list[Act], typer.Option("--act", help="What was done; may be repeated.", metavar="ACT")]
Failed = Annotated[bool, typer.Option("--failed", help="Only what came to nothing.")]
Since = Annotated[
    str | None,
    typer.Option("--since", help="From when on: 90m, 12h, 7d, or a time such as 2026-11-22T10:00.", metavar="WHEN"),
]
Limit = Annotated[int, typer.Option("--limit", help="How many, the newest; 0 for all.", min=0)]
Follow = Annotated[bool, typer.Option("--follow", help="Go on and tell what comes, until Ctrl-C.")]

_AGO = re.compile(r"([0-9]{1,6})([smhd])")
_UNITS = {"s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}
_AT_ONCE = 1_000


def register(app: typer.Typer) -> None:
    """Make it a command of ``app``."""
    command(app, "audit")(audit)


def audit(
    given: Given,
    *,
    of: Named = None,
    act: Acts = [],
    failed: Failed = False,
    since: Since = None,
    limit: Limit = 100,
    follow: Follow = False,
) -> None:
    """Tell what was done, to whom, by whom and from where: the newest first; with --follow, as it comes.

    admit audit --of ann@example.com --since 7d

    With --json, an object of JSON a line. Times are in UTC, "failed" says why nothing came of it, and "times" how often
    it was tried within the hour.
    """

    async def tell(auth: Authority) -> None:
        subject = (await account(auth, of)).id if of is not None and "@" in of else of
        begin = 0.0 if since is None else moment(since, auth.clock.now())
        await _tell(given, auth, _Wanted(subject, frozenset(act), failed, begin, limit, follow))

    with suppress(KeyboardInterrupt):
        asyncio.run(opened(given, tell))


@dataclass(frozen=True)
class _Wanted:
    """What is asked for, as the options say it."""

    subject: str | None
    acts: frozenset[str]
    failed: bool
    since: float
    limit: int
    follow: bool

    def has(self, entry: Entry) -> bool:
        return (not self.acts or entry.act in self.acts) and (not self.failed or bool(entry.failed))


async def _tell(given: Given, auth: Authority, wanted: _Wanted) -> None:
    latest: list[Entry] = []
    async for page in _pages(auth.audit, wanted):
        if given.as_json and not wanted.follow:
            lines(given, page)  # there may be more of them than fit into memory
        else:
            latest += page
    if wanted.follow:
        lines(given, latest[::-1])
        after = max([auth.clock.now(), *(entry.at for entry in latest)])
        async with aclosing(auth.audit.follow(subject=wanted.subject, since=after, asked=wanted.has)) as following:
            async for entry in following:
                lines(given, [entry])
    elif not given.as_json:
        given.show([told(entry) for entry in latest])


def moment(text: str, now: float) -> float:
    """The moment that ``text`` names, in Unix seconds: so long before ``now``, or a time, UTC unless it says. Raises BadInput."""
    if found := _AGO.fullmatch(text):
        return now - int(found[1]) * _UNITS[found[2]]
    try:
        named = datetime.fromisoformat(text)
    except ValueError:
        fault = f"{text!r} is no time; write 90m, 12h, 7d, or a time such as 2026-11-22T10:00."
        raise BadInput("bad_time", fault, field="since") from None
    return (named if named.tzinfo else named.replace(tzinfo=UTC)).timestamp()


def told(entry: Entry) -> Row:
    """An entry as people read it."""
    outcome = "done" if not entry.failed else entry.failed if entry.times == 1 else f"{entry.failed} × {entry.times}"
    return {
        "at": entry.at,
        "act": entry.act,
        "outcome": outcome,
        "subject": entry.subject or "–",
        "by": _by(entry),
        "from": " ".join(filter(None, (entry.address, entry.device.replace("/", " on ")))) or "–",
        "what": entry.what or "–",
    }


def _by(entry: Entry) -> str:
    who = "itself" if entry.actor and entry.actor == entry.subject else entry.actor
    return " ".join(filter(None, (entry.credential, who))) or "–"


async def _pages(audit: Audit, wanted: _Wanted) -> AsyncIterator[list[Entry]]:
    """The newest entries that are wanted, a page after the other."""
    left, after = wanted.limit or sys.maxsize, None
    while left:
        page = await audit.page(
            after, subject=wanted.subject, since=wanted.since, asked=wanted.has, limit=min(left, _AT_ONCE)
        )
        yield list(page.entries)
        left -= len(page.entries)
        after = page.after
        if after is None:
            return


def lines(given: Given, entries: Sequence[Entry]) -> None:
    """Print each of ``entries`` as a line, for people or in JSON."""
    for entry in entries:
        typer.echo(msgspec.json.encode(entry) if given.as_json else _line(told(entry)))


def _line(row: Row) -> str:
    at, act, outcome, *others = (letters(name, value) for name, value in row.items())
    return "  ".join((at, f"{act:20}", f"{outcome:16}", *others))
