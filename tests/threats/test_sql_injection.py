"""Text from outside becomes part of a statement, and the statement does what the text says (OPS-03)."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncGenerator
from contextlib import closing
from pathlib import Path

import pytest

from admit.core.store import REVOCATIONS, Append, Check, Cursor, Delete, Insert, Record, Replace
from admit.errors import Conflict, CursorLost
from admit.stores.sqlite import SqliteStore

EVIL = [
    "a'; DELETE FROM record; --",
    "a' OR '1'='1",
    'a" OR ""="',
    "a') ; DROP TABLE log; --",
    "a%",
    "a_",
    "a\x00' OR 1=1 --",
    "a?1",
    "a:name",
    "a`]",
]


@pytest.fixture
async def store(tmp_path: Path) -> AsyncGenerator[SqliteStore]:
    made = SqliteStore(tmp_path / "store.db")
    await made.open()
    yield made
    await made.close()


@pytest.mark.parametrize("evil", EVIL)
async def test_a_question_is_asked_about_the_text_and_nothing_else(store: SqliteStore, evil: str) -> None:
    kept = Record("thing", "a1", b"{}", 1, 1.0, frozenset({"at"}))
    await store.commit(Insert(kept), Append(REVOCATIONS, b"kept", 1e12, "a"))
    assert await store.get((evil, evil), ("thing", evil), (evil, "a1")) == [None, None, None]
    for kind, tag in ((evil, "at"), ("thing", evil), (evil, evil)):
        assert (await store.find(kind, tag)).records == ()
    assert len((await store.find("thing", "at", after=Cursor("'" + evil))).records) == 1
    assert (await store.log(evil, None)).entries == ()
    with pytest.raises(CursorLost):
        await store.log(REVOCATIONS, Cursor(evil))
    await store.commit(Delete(evil, evil), Delete("thing", evil))
    for change in (Check(evil, evil, 1), Replace(Record("thing", evil, b"", 2), 1), Delete("thing", evil, 1)):
        with pytest.raises(Conflict):
            await store.commit(change)
    assert await store.get(kept.key) == [kept]
    assert (await store.log(REVOCATIONS, None)).entries == (b"kept",)


@pytest.mark.parametrize("evil", EVIL)
async def test_what_is_kept_under_it_is_the_text_and_nothing_else(
    store: SqliteStore, tmp_path: Path, evil: str
) -> None:
    kept = Record(evil, evil, evil.encode(), 1, None, frozenset({evil}))
    await store.commit(Insert(kept), Append(evil, evil.encode(), 1e12, "a"))
    changed = Record(evil, evil, evil.encode() * 2, 2, None, frozenset({evil, "a"}))
    await store.commit(Replace(changed, 1))
    assert await store.get((evil, evil)) == [changed]
    assert (await store.find(evil, evil)).records == (changed,)
    assert (await store.log(evil, None)).entries == (evil.encode(),)
    with closing(sqlite3.connect(tmp_path / "store.db")) as connection:
        rows = [connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in ("record", "tag", "log")]
    assert rows == [1, 2, 1]
