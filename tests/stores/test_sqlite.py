"""What an SQLite store promises beyond the contract: its files, its start, its end, and what goes wrong below it."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import stat
from collections.abc import AsyncGenerator
from contextlib import closing
from pathlib import Path
from time import monotonic

import pytest

from admit.core.store import REVOCATIONS, Delete, Insert, Replace
from admit.errors import AdmitError, ConfigError, Conflict, LostHistory, StoreError, StoreUnavailable
from admit.stores import sqlite as sqlite_module
from admit.stores.sqlite import SqliteStore
from admit.stores.sqlite_file import SCHEMA_VERSION, SqliteFile
from admit.stores.stamp import Stamp
from admit.subjects import Subject
from admit.testing.contract import entry, now, record, together, whole_log
from services import services

_FILES = ("", "-wal", "-shm", "-stamp", "-secret", "-counts", "-counts-wal", "-counts-shm")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "var" / "store.db"


@pytest.fixture
async def store(path: Path) -> AsyncGenerator[SqliteStore]:
    made = SqliteStore(path)
    await made.open()
    yield made
    await made.close()


async def test_the_files_are_readable_by_their_owner_alone(path: Path) -> None:
    before = os.umask(0)
    try:
        store = SqliteStore(path)
        await store.open()
        await store.commit(entry())
        store.own_secret(make=True)
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
        assert modes == dict.fromkeys([f"store.db{end}" for end in _FILES], 0o600)
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        await store.close()
    finally:
        os.umask(before)


async def test_nothing_is_made_before_the_store_is_opened(path: Path) -> None:
    SqliteStore(path)
    assert not path.parent.exists()


async def test_what_is_kept_is_there_after_a_restart(path: Path, store: SqliteStore) -> None:
    kept = record(tags="t")
    await store.commit(Insert(kept), entry())
    before = await store.log(REVOCATIONS, None)
    await store.close()
    assert sorted(file.name for file in path.parent.iterdir()) == ["store.db", "store.db-counts", "store.db-stamp"]
    await store.open()
    assert await store.get(kept.key) == [kept]
    assert await store.log(REVOCATIONS, None) == before
    assert not store.tail.moved(before.stamp)


async def test_people_can_look_at_what_is_kept(path: Path) -> None:
    async with services(SqliteStore(path)) as here:
        account = await here.accounts.create("ann@example.com", roles=["editor"])
        proof = (await here.subjects.before(account.id)).proven("pwd")
        started = await here.sessions.start(proof, device="Firefox/Linux")
        await here.subjects.change(account.id, Subject.disabled)
        with closing(sqlite3.connect(path)) as connection:
            connection.row_factory = sqlite3.Row
            [ann] = map(dict, connection.execute("SELECT * FROM accounts"))
            [subject] = map(dict, connection.execute("SELECT * FROM subjects WHERE active = 0"))
            [session] = map(dict, connection.execute("SELECT * FROM sessions"))
            entries = [entry for (entry,) in connection.execute("SELECT entry FROM revocations ORDER BY seq")]
    assert (ann["id"], ann["email"]) == (account.id, "ann@example.com")
    assert (subject["subject"], subject["roles"]) == (account.id, '["editor"]')
    assert (session["id"], session["subject"]) == (started.session.id, account.id)
    assert session["device"] == "Firefox/Linux"
    assert session["created"] < session["ends"]
    assert entries[0].startswith('["began"')
    assert entries[-1].startswith(f'["raised","{account.id}"')


async def test_each_commit_is_synced(path: Path) -> None:
    with closing(_made(path).connect(patience=1.0)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == (b"wal",)
        assert connection.execute("PRAGMA synchronous").fetchone() == (2,)


async def test_a_database_of_a_newer_version_is_refused(path: Path, store: SqliteStore) -> None:
    await store.close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    with pytest.raises(ConfigError, match="newer Admit"):
        await store.open()


async def test_a_database_of_another_program_is_refused_and_left_as_it_is(path: Path) -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE record (mine)")
    with pytest.raises(ConfigError, match="another program"):
        await SqliteStore(path).open()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("record",)]


async def test_what_is_no_database_is_a_fault_of_the_configuration(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"no database " * 1000)  # noqa: ASYNC240 - nobody else waits
    with pytest.raises(ConfigError, match=f"{path} is no SQLite database"):
        await SqliteStore(path).open()


async def test_a_stamp_that_cannot_be_used_gives_no_answer(path: Path) -> None:
    path.with_name("store.db-stamp").mkdir(parents=True)
    with pytest.raises(StoreUnavailable, match="cannot be used"):
        await SqliteStore(path).open()
    closed = Stamp(path)
    for word in ("head", "settled"):
        with pytest.raises(StoreUnavailable):
            getattr(closed, word)


async def test_a_start_waits_for_another_start(path: Path) -> None:
    _made(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        store = SqliteStore(path)
        opening = asyncio.ensure_future(store.open())
        done, _ = await asyncio.wait([opening], timeout=0.2)
        assert not done
        other.execute("ROLLBACK")
    await opening
    await store.close()


async def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ConfigError, match="cannot be made"):
        await SqliteStore(tmp_path / "file" / "store.db").open()


async def test_a_lock_that_does_not_come_is_an_error_in_time(
    path: Path, store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.close()
    monkeypatch.setattr(sqlite_module, "PATIENCE", 0.1)
    await store.open()
    kept = record()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailable, match="locked"):
            await store.commit(Insert(kept))
        assert await store.get(kept.key) == [None], "reading waits for no writer"
        other.execute("ROLLBACK")
    await store.commit(Insert(kept))
    assert await store.get(kept.key) == [kept]


async def test_a_full_disk_takes_nothing_back_and_keeps_no_half(
    path: Path, store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.close()
    connect = SqliteFile.connect

    def small(self: SqliteFile, *, patience: float, read_only: bool = False) -> sqlite3.Connection:
        connection = connect(self, patience=patience, read_only=read_only)
        connection.execute("PRAGMA max_page_count = 40")
        return connection

    monkeypatch.setattr(SqliteFile, "connect", small)
    await store.open()
    kept: list[int] = []
    failed: BaseException | None = None
    for number in range(60):
        commit = store.commit(Insert(record(str(number), os.urandom(4096), tags="t")), entry(b"%d" % number))
        [failed] = await asyncio.gather(commit, return_exceptions=True)
        if failed is not None:
            break
        kept.append(number)
    assert isinstance(failed, StoreUnavailable)
    assert "full" in str(failed)
    assert len(kept) > 3
    assert await whole_log(store) == [b"%d" % number for number in kept]
    assert len((await store.find("thing", "at")).records) == len(kept)
    await store.commit(Delete("thing", "a0"), Delete("thing", "a1"))
    await store.commit(Insert(record("last")), entry(b"last"))
    assert (await whole_log(store))[-1] == b"last"
    _at_rest(store)


async def test_one_bad_commit_of_a_batch_harms_no_other(store: SqliteStore) -> None:
    taken = record("taken")
    await store.commit(Insert(taken))
    changes = [(Insert(record(str(number))), entry(b"%d" % number)) for number in range(20)]
    changes[3::5] = [(Insert(taken), entry(b"bad"))] * 4
    told = await asyncio.gather(*(store.commit(*commit) for commit in changes), return_exceptions=True)
    assert [type(one) for one in told[3::5]] == [Conflict] * 4
    assert [one for number, one in enumerate(told) if number % 5 != 3] == [None] * 16
    assert sorted(await whole_log(store)) == sorted(b"%d" % number for number in range(20) if number % 5 != 3)


async def test_a_value_that_no_column_holds_is_refused(store: SqliteStore) -> None:
    with pytest.raises(StoreError):
        await store.commit(Insert(record()), Replace(record("2"), 1 << 70))
    with pytest.raises(StoreError):
        await store.get(("thing", "\ud800"))
    assert await store.get(("thing", "a1")) == [None]


async def test_closing_finishes_what_was_asked(path: Path, store: SqliteStore) -> None:
    commits = [asyncio.ensure_future(store.commit(entry(b"%d" % number))) for number in range(300)]
    await asyncio.sleep(0)
    await store.close()
    assert await asyncio.gather(*commits) == [None] * 300
    await store.open()
    assert len(await whole_log(store)) == 300


async def test_a_caller_whose_loop_is_gone_disturbs_nobody(store: SqliteStore) -> None:
    def hasty() -> None:
        loop = asyncio.new_event_loop()
        task = loop.create_task(store.commit(entry(b"hasty")))
        loop.run_until_complete(asyncio.sleep(0))
        task.cancel()
        loop.run_until_complete(asyncio.gather(task, return_exceptions=True))
        loop.close()

    await together(*(asyncio.to_thread(hasty) for _ in range(5)))
    await store.commit(entry(b"patient"))
    assert b"patient" in await whole_log(store)


async def test_a_stamp_that_names_nothing_is_mended_soon_and_not_at_once(store: SqliteStore, path: Path) -> None:
    await store.commit(entry())
    page = store.tail.read(None)
    other = Stamp(path.with_name("store.db-stamp"))
    other.open(bytes(8))
    other.head = b"crashed!"
    assert store.tail.moved(page.stamp)
    began = monotonic()
    while store.tail.moved(page.stamp) and monotonic() < began + 60.0:
        page = store.tail.read(page.cursor)
    assert not store.tail.moved(page.stamp)
    assert monotonic() - began > 0.1, "a writer may be about to commit: it was not given the time"


async def test_a_stamp_is_not_mended_while_a_writer_holds_the_lock(store: SqliteStore, path: Path) -> None:
    await store.commit(entry())
    page = store.tail.read(None)
    other = Stamp(path.with_name("store.db-stamp"))
    other.open(bytes(8))
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        other.head = b"underway"
        until = monotonic() + 0.3
        while monotonic() < until:
            page = store.tail.read(page.cursor)
        assert store.tail.moved(page.stamp), "the stamp of a writer before its COMMIT was taken away"
        writer.execute("ROLLBACK")


async def test_a_start_mends_what_a_crash_left(store: SqliteStore, path: Path) -> None:
    await store.commit(entry())
    await store.close()
    left = Stamp(path.with_name("store.db-stamp"))
    left.open(bytes(8))
    left.head = b"crashed!"
    await store.open()
    _at_rest(store)


@pytest.mark.parametrize("content", [b"", b"short", b"admit\x00s1" + bytes(15), b"x" * 24, bytes(4096)])
async def test_a_stamp_file_of_another_make_is_told_and_left_as_it_is(
    store: SqliteStore, path: Path, content: bytes
) -> None:
    await store.close()
    stamp = path.with_name("store.db-stamp")
    stamp.write_bytes(content)
    with pytest.raises(StoreUnavailable, match="stamp"):
        await store.open()
    assert stamp.read_bytes() == content


async def test_a_database_put_back_under_a_stopped_server_is_noticed(store: SqliteStore, path: Path) -> None:
    backup = path.with_name("backup")
    await store.commit(entry(b"before"))
    await store.close()
    shutil.copyfile(path, backup)
    await store.open()
    await store.commit(entry(b"after"))
    await store.close()
    shutil.copyfile(backup, path)  # the same inode, so only the stamp can tell
    for _ in range(2):
        with pytest.raises(LostHistory):
            await store.open()

    restoring = SqliteStore(path, accept_lost_history=True)
    await restoring.open()
    assert await whole_log(restoring) == [b"before"]
    await restoring.commit(entry(b"all is over"))
    await restoring.close()
    await store.open()
    assert await whole_log(store) == [b"before", b"all is over"]
    _at_rest(store)


async def test_a_backup_from_before_the_first_entry_is_noticed(store: SqliteStore, path: Path) -> None:
    backup = path.with_name("backup")
    await store.close()
    shutil.copyfile(path, backup)
    await store.open()
    await store.commit(entry())
    await store.close()
    shutil.copyfile(backup, path)
    with pytest.raises(LostHistory):
        await store.open()


async def test_a_purge_leaves_what_is_settled(store: SqliteStore) -> None:
    await store.commit(*(entry(expires_at=now() - 3 * 86400) for _ in range(3)))
    assert await store.purge(now()) == 2
    await store.close()
    await store.open()
    assert len(await whole_log(store)) == 1


@pytest.mark.parametrize("end", ["", "-wal", "-stamp"])
@pytest.mark.parametrize("how", ["replaced", "removed"])
async def test_a_file_changed_under_a_running_server_is_noticed(
    store: SqliteStore, path: Path, end: str, how: str
) -> None:
    await store.commit(entry(), Insert(record()))
    page = store.tail.read(None)
    file = path.with_name(path.name + end)
    copy = file.with_name("copy")
    shutil.copyfile(file, copy)
    file.rename(file.with_name("old"))
    if how == "replaced":
        copy.rename(file)
    for read in (store.tail.check, lambda: store.tail.read(page.cursor)):
        with pytest.raises(LostHistory):
            read()
    for question in (store.get(("thing", "a1")), store.find("thing", "at"), store.log(REVOCATIONS, None)):
        with pytest.raises(LostHistory):
            await question
    for change in (store.commit(entry()), store.purge(now())):
        with pytest.raises(LostHistory):
            await change
    file.with_name("old").rename(file)
    assert len(await whole_log(store)) == 1, "what was refused was written"


async def test_every_failure_is_one_of_ours(store: SqliteStore, path: Path) -> None:
    await store.commit(Insert(record()))
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TABLE tag")
        connection.execute("DROP TABLE log")
    for question in (
        store.find("thing", "at"),
        store.log(REVOCATIONS, None),
        store.commit(entry()),
        store.purge(now()),
    ):
        with pytest.raises(StoreUnavailable):
            await question
    with pytest.raises(AdmitError):
        store.tail.read(None)
    assert len(await store.get(("thing", "a1"))) == 1


def _made(path: Path) -> SqliteFile:
    file = SqliteFile(path)
    file.make()
    return file


def _at_rest(store: SqliteStore) -> None:
    assert not store.tail.moved(store.tail.read(None).stamp), "the stamp is not that of the last entry"
