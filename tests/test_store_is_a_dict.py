"""A store is a dictionary: whatever is inserted, replaced, deleted, read and found, in any order, on each store."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from admit.core.store import Append, Change, Check, Delete, Insert, Record, Replace
from admit.errors import Conflict
from worlds import made

T = TypeVar("T")
KIND_NAMES = ("one", "two")
IDS = ("ha", "hb", "hc")
TAGS = ("hx", "hy")

kinds, ids = st.sampled_from(KIND_NAMES), st.sampled_from(IDS)
versions = st.integers(0, 3)
records = st.builds(
    Record,
    kind=kinds,
    id=ids,
    body=st.binary(max_size=8).map(lambda body: b'"%s"' % body.hex().encode()),
    version=versions,
    expires_at=st.none() | st.floats(0, 1e10),
    tags=st.frozensets(st.sampled_from(TAGS)),
)
changes: st.SearchStrategy[Change] = (
    st.builds(Insert, records)
    | st.builds(Replace, records, versions)
    | st.builds(Delete, kinds, ids, st.none() | versions)
    | st.builds(Check, kinds, ids, versions)
)


def key_of(change: Change) -> tuple[str, str]:
    match change:
        case Insert(record) | Replace(record, _):
            return record.key
        case Delete(kind, id, _) | Check(kind, id, _):
            return kind, id
        case Append():
            raise AssertionError


class Dictionary(RuleBasedStateMachine):
    """A store of one kind, and a plain dictionary."""

    kind = ""

    @initialize()
    def begin(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.folder = tempfile.TemporaryDirectory()
        self.store = made(self.kind, Path(self.folder.name))
        self.wait(self.store.open())
        self.model: dict[tuple[str, str], Record] = {}

    def wait(self, doing: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(doing)

    def teardown(self) -> None:
        self.wait(self.store.close())
        self.loop.close()
        self.folder.cleanup()

    @rule(all=st.lists(changes, min_size=1, max_size=3, unique_by=key_of))
    def commit(self, all: list[Change]) -> None:
        wanted = dict(self.model)
        possible = True
        for change in all:
            found = self.model.get(key_of(change))
            match change:
                case Insert(record):
                    possible = possible and found is None
                    wanted[record.key] = record
                case Replace(record, was):
                    possible = possible and found is not None and found.version == was
                    wanted[record.key] = record
                case Delete(_, _, was):
                    possible = possible and (was is None or (found is not None and found.version == was))
                    wanted.pop(key_of(change), None)
                case Check(_, _, was):
                    possible = possible and found is not None and found.version == was
                case Append():
                    raise AssertionError
        try:
            self.wait(self.store.commit(*all))
        except Conflict:
            assert not possible
        else:
            assert possible
            self.model = wanted

    @rule(kind=kinds, tag=st.sampled_from(TAGS), limit=st.integers(1, 4))
    def find(self, kind: str, tag: str, limit: int) -> None:
        found: list[Record] = []
        after = None
        while True:
            page = self.wait(self.store.find(kind, tag, after=after, limit=limit))
            assert len(page.records) <= limit
            found += page.records
            after = page.after
            if after is None:
                break
        wanted = [record for record in self.model.values() if record.kind == kind and tag in record.tags]
        assert sorted(found, key=str) == sorted(wanted, key=str)

    @invariant()
    def every_record_is_there_as_it_was_written(self) -> None:
        keys = [(kind, id) for kind in KIND_NAMES for id in IDS]
        assert self.wait(self.store.get(*keys)) == [self.model.get(key) for key in keys]


class InMemory(Dictionary):
    kind = "memory"


class ByHome(Dictionary):
    kind = "homes"


class InSqlite(Dictionary):
    kind = "sqlite"


TestMemoryIsADictionary = InMemory.TestCase
TestPartitionedMemoryIsADictionary = ByHome.TestCase
TestSqliteIsADictionary = InSqlite.TestCase
