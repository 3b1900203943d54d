"""Export and import: all that a store has as the lines of a file, and an empty store made of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from contextlib import aclosing
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from admit import staleness
from admit.api_keys import API_KEY
from admit.core import exported, keyring, log
from admit.core.audit import AUDIT, Act
from admit.core.codec import Codec
from admit.core.exported import End, EntryLine, Head, Line, RecordLine
from admit.core.ids import EVERYTHING
from admit.core.log import Began, Moved, Raised
from admit.core.store import LATE, REVOCATIONS, Append, Insert, Key, Record, Replace, Store
from admit.core.world import Chance, Clock
from admit.errors import BadInput, ConfigError, Conflict, StoreError
from admit.history import TERM_CODEC, UNFINISHED, Term, begun
from admit.kept import ACCOUNT, EMAIL, KINDS, SWEEP
from admit.keys import KEYRING
from admit.ledger import TERM, home
from admit.places import PLACES
from admit.sessions import SESSION
from admit.stores import asked
from admit.subjects import SUBJECT
from admit.tickets import TICKET
from admit.trail import Trail
from admit.verifier_keys import VERIFIER

_OTHERS = (API_KEY, AUDIT, keyring.CODEC, staleness.CODEC, PLACES, SESSION, SUBJECT, TERM_CODEC, TICKET, VERIFIER)
CODECS: dict[str, Codec[Any]] = {codec.kind: codec for codec in (ACCOUNT, EMAIL, SWEEP, *_OTHERS)}
"""Every kind of record: another one in an export was written by a newer Admit."""

AT_ONCE = 500
"""Changes of one commit, and of one step of the progress."""

Progress = Callable[[int], object]
"""Is told, every now and then, how many records and entries are done."""


async def export(store: Store, write: Callable[[bytes], object], clock: Clock, by: str, progress: Progress) -> End:
    """Hand all that an open ``store`` has to ``write``, line by line; the last line.

    Raises StoreError, BadInput where nothing was ever begun.
    """
    total, done, term = exported.Sum(), 0, False

    def put(line: Line) -> None:
        text = exported.written(line)
        total.add(line, text)
        write(text)

    put(Head(format=exported.FORMAT, written_at=clock.now(), by=by))
    async with aclosing(store.dump()) as dump:
        async for change in dump:
            if isinstance(change, Insert) and change.record.key == TERM:
                _refuse_unfinished(change.record)
                term = True
            put(exported.line_of(change))
            done += 1
            if done % AT_ONCE == 0:
                progress(done)
    if not term:
        raise _nothing_there()
    end = total.end
    write(exported.written(end))
    return end


async def leave(store: Store, clock: Clock, chance: Chance) -> None:
    """Let nobody serve an open ``store`` from now on, for what it holds goes on in another; harmless when it is so.

    Whoever serves it hears of that as of an end. Raises BadInput where nothing was ever begun, Conflict, StoreError.
    """
    [there] = await store.get(TERM)
    if there is None:
        raise _nothing_there()
    _refuse_unfinished(there)
    term = TERM_CODEC.decode(there)
    if not term.moved:
        left = Record(*TERM, TERM_CODEC.encode(Term(term.second, moved=True)), _version(chance))
        told = Moved(term.gen)
        keep = clock.now() + log.store_keeps(told)
        await store.commit(Replace(left, there.version), Append(REVOCATIONS, log.encode(told), keep, TERM[1][0]))


@dataclass(frozen=True, slots=True)
class Checked:
    """What a file holds that was read to its end: ``term`` is its history, ``keyring`` the keys it has sealed."""

    end: End
    term: Term
    keyring: Record | None
    accounts: int


def check(lines: Iterable[bytes]) -> Checked:
    """Read an export to its end, every record of it. Raises BadInput, and StoreError for what a newer Admit wrote."""
    end: End | None = None
    kept: dict[Key, Record] = {}
    accounts = 0
    for line in exported.read(lines):
        if isinstance(line, End):
            end = line
        elif not isinstance(line, Head):
            change = exported.change_of(line)
            _judge(change)
            if isinstance(change, Insert):
                accounts += change.record.kind in KINDS
                if change.record.key in {TERM, KEYRING}:
                    kept[change.record.key] = change.record
    if end is None or TERM not in kept:
        raise _bad("The file has no history, so it was not written by admit export.")
    return Checked(end, TERM_CODEC.decode(kept[TERM]), kept.get(KEYRING), accounts)


class Import:
    """Fills ``store``, and ``accounts`` with what belongs to them; both are open and empty, or the same."""

    def __init__(self, store: Store, accounts: Store, clock: Clock, chance: Chance, trail: Trail) -> None:
        self._store = store
        self._accounts = accounts
        self._clock = clock
        self._chance = chance
        self._trail = trail

    async def begin(self, checked: Checked) -> None:
        """Let no server begin here until all is in; harmless when this very file has begun.

        Raises BadInput (``not_empty``) where something else is, ConfigError for accounts in a partitioned store.
        """
        if checked.accounts and self._accounts.partitioned:
            raise ConfigError(["The export has accounts, whose store is one partition. Write an accounts_store."])
        [there] = await self._store.get(TERM)
        if there is not None and TERM_CODEC.decode(there).importing == checked.end.sha256:
            return
        for store in (self._store, self._accounts):
            async with aclosing(store.dump()) as dump:
                async for _ in dump:
                    raise BadInput("not_empty", _NOT_EMPTY, field="store")
        importing = Term(checked.term.second, checked.end.sha256)
        await self._store.commit(Insert(self._term(importing)), begun(self._clock.now(), self._chance))

    async def fill(self, lines: Iterable[bytes], progress: Progress) -> None:
        """Put in what ``lines`` hold, in bounded commits. Raises BadInput, StoreError."""
        late, done = self._clock.now() - LATE, 0
        changes = (
            exported.change_of(line) for line in exported.read(lines) if isinstance(line, RecordLine | EntryLine)
        )
        while batch := list(islice(changes, AT_ONCE)):
            # A record that comes again replaces the one before.
            records = {one.record.key: one.record for one in batch if isinstance(one, Insert)}
            records.pop(TERM, None)
            alive = [one for one in records.values() if one.expires_at is None or one.expires_at >= late]
            entries = [
                _homed(one)
                for one in batch
                if isinstance(one, Append) and one.expires_at >= late and not _is_of_the_place(one)
            ]
            await self._put(self._accounts, [one for one in alive if one.kind in KINDS], [])
            await self._put(self._store, [one for one in alive if one.kind not in KINDS], entries)
            done += len(batch)
            progress(done)

    async def finish(self, checked: Checked, *, goes_on: bool) -> None:
        """Let servers begin: with the history of the export where it ``goes_on``, else with all of it over, which is noted.

        From here on it counts. Raises StoreError.
        """
        [there] = await self._store.get(TERM)
        if there is None or TERM_CODEC.decode(there).importing != checked.end.sha256:
            raise StoreError("the store was changed while it was filled")
        term = Term(checked.term.second) if goes_on else Term.after(checked.term, self._clock.now())
        told = log.encode(Raised(EVERYTHING, term.gen))
        keep = self._clock.now() + log.store_keeps(Raised(EVERYTHING, term.gen))
        noted = list[Insert]()
        if self._trail.keeps and not goes_on:
            noted = [self._trail.insert(self._trail.entry(Act.IMPORTED, "", what=checked.end.sha256), TERM[1][0])]
        await self._store.commit(
            Replace(self._term(term), there.version), Append(REVOCATIONS, told, keep, TERM[1][0]), *noted
        )

    async def _put(self, store: Store, records: list[Record], entries: list[Append]) -> None:
        homes: defaultdict[str, list[Insert | Append]] = defaultdict(list)
        for record in records:
            homes[record.id[0] if store.partitioned else ""].append(Insert(record))
        for entry in entries:
            homes[entry.home if store.partitioned else ""].append(entry)
        for changes in homes.values():
            try:
                await store.commit(*changes)
            except Conflict:  # it was put in before: this file has begun already, or names it twice
                await store.commit(*await self._again(store, changes))

    async def _again(self, store: Store, changes: list[Insert | Append]) -> list[Insert | Replace | Append]:
        records = [one.record for one in changes if isinstance(one, Insert)]
        there = await store.get(*(record.key for record in records))
        pairs = zip(records, there, strict=True)
        put = [Insert(one) if was is None else Replace(one, was.version) for one, was in pairs if one != was]
        return [*put, *(one for one in changes if isinstance(one, Append))]

    def _term(self, term: Term) -> Record:
        return Record(*TERM, TERM_CODEC.encode(term), _version(self._chance))


_NOT_EMPTY = "This store is not empty; an import goes into an empty one. Write another store, or remove what is there."


def _judge(change: Insert | Append) -> None:
    """Return if a store can keep ``change`` and this Admit can read it. Raises BadInput."""
    try:
        if isinstance(change, Append):
            asked.changes([_homed(change)])
            return
        asked.changes([change])
        codec = CODECS.get(change.record.kind)
        if codec is None:
            raise _bad(f"The file has a {change.record.kind[:20]!r}, of a newer Admit: upgrade this one.")
        codec.decode(change.record)
    except StoreError as error:
        raise _bad(f"The file has what cannot be kept: {error}") from error


def _version(chance: Chance) -> int:
    return int.from_bytes(chance(8)) >> 1


def _nothing_there() -> BadInput:
    return BadInput("nothing_there", "There is nothing in this store: no server has ever run on it.", field="store")


def _bad(fault: str) -> BadInput:
    return BadInput("bad_export", fault, field="file")


def _refuse_unfinished(term: Record) -> None:
    if TERM_CODEC.decode(term).importing:
        raise StoreError(UNFINISHED)


def _is_of_the_place(entry: Append) -> bool:
    """Whether ``entry`` only says of the store it was in where its history began, or that it was left."""
    return entry.topic == REVOCATIONS and isinstance(log.decode(entry.entry), Began | Moved)


def _homed(entry: Append) -> Append:
    """``entry`` in its home, which only a partitioned store knows."""
    return replace(entry, home=home(log.decode(entry.entry))) if entry.topic == REVOCATIONS else entry
