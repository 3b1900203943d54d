"""An opaque credential that is looked up for each request: what a session and an API key have in common."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from admit.lab import carried
from admit.lab.strategy import DEMOTED, About, Caller, Count, Ending, Held, Issuer, Plan, Refused, Server
from admit.lab.tables import open_table
from admit.lab.tables.table import COMMIT, Row, Table
from admit.lab.weight import weighing

Header = tuple[str, str]


@dataclass(frozen=True, slots=True)
class LookedUp:
    """A strategy whose credential says nothing: everything about it stands in one row, found by its digest."""

    about: About
    write: Callable[[str], Header]
    read: Callable[[Header], str]

    async def issuer(self, plan: Plan) -> Issuer:
        """Where people sign in, or get a key."""
        count = Count()
        return _Issuer(self, plan, await open_table(plan.url, self.about.id, count), count)

    async def server(self, plan: Plan) -> Server:
        """One that reads the row."""
        count = Count()
        return _Server(self.read, await open_table(plan.url, self.about.id, count), count)


class _Issuer:
    def __init__(self, strategy: LookedUp, plan: Plan, table: Table, count: Count) -> None:
        self.count = count
        self._strategy = strategy
        self._plan = plan
        self._table = table
        self._kept = 0

    async def load(self, subjects: Sequence[str]) -> None:
        async with weighing(self._plan.url, self._table.taken) as grown:
            for some in commits(subjects):
                await self._table.put(*(self._row(carried.new_text(), subject, "user") for subject in some))
        self._kept += grown[0]

    async def sign_in(self, subject: str, *, roles: frozenset[str] = frozenset({"user"})) -> Held:
        text = carried.new_text()
        await self._table.put(self._row(text, subject, carried.written(roles)))
        return Held(subject, self._strategy.write(text), text)

    async def refresh(self, held: Held) -> Held:
        return held

    async def end(self, how: Ending, held: Held) -> None:
        if how not in self._strategy.about.ends:
            return
        match how:
            case "sign out":
                await self._table.end(carried.digest(held.kept))
            case "disable" | "password change":
                await self._table.end_all(held.subject)
            case "role change":
                await self._table.set_roles(held.subject, carried.written(DEMOTED))

    async def kept_bytes(self) -> int:
        return self._kept

    async def close(self) -> None:
        await self._table.close()

    def _row(self, text: str, subject: str, roles: str) -> Row:
        return Row(
            key=carried.digest(text),
            subject=subject,
            roles=roles,
            expires_at=int(time.time() + self._plan.session_seconds) + 1,
            data=carried.signed_in(),
        )


class _Server:
    def __init__(self, read: Callable[[Header], str], table: Table, count: Count) -> None:
        self.count = count
        self._read = read
        self._table = table

    async def verify(self, header: Header) -> Caller:
        row = await self._table.get(carried.digest(self._read(header)))
        if row is None or row.expires_at <= time.time():
            raise Refused("nobody is signed in with that")
        return Caller(row.subject, frozenset(row.roles.split()))

    async def close(self) -> None:
        await self._table.close()


def commits(subjects: Sequence[str]) -> Iterator[Sequence[str]]:
    """A thousand of them at a time."""
    return (subjects[at : at + COMMIT] for at in range(0, len(subjects), COMMIT))
