"""A store is moved: what was good goes on, what was over stays over, and half a move is none."""

from __future__ import annotations

import asyncio
import importlib
import pkgutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import admit
from admit import moving
from admit.core.audit import Act
from admit.core.codec import Codec
from admit.core.exported import FORMAT, EntryLine, Head, Line, RecordLine, Sum, read, written
from admit.core.ids import EVERYTHING
from admit.core.log import Began, Ended, Raised, decode
from admit.core.request import Request
from admit.core.store import REVOCATIONS, Append, Change, Insert, Record, Store
from admit.errors import BadInput, ConfigError, StoreError, StoreUnavailable
from admit.ledger import TERM
from admit.moving import CODECS, Import
from admit.stores import open_store
from admit.stores.memory import MemoryStore
from admit.stores.wrapped import Wrapped
from admit.subjects import Subject
from admit.system import SystemClock, chance
from admit.testing.contract_dumps import dumped
from admit.trail import acting
from moves import SECRET, TRAIL, People, exported, imported, lines
from processes.acts import accepted, authority, sign_in, sign_up


@pytest.fixture
async def moved() -> AsyncIterator[tuple[People, bytes]]:
    """People, and the export of the store in which they are."""
    store = MemoryStore()
    async with authority(store, secret=SECRET) as auth:
        people = await People.arrive(auth)
        yield people, await exported(store)


Target = Callable[[], Store]


@pytest.fixture(params=["memory", "sqlite"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Target:
    url = "memory://" if request.param == "memory" else f"sqlite:///{tmp_path / 'new.db'}"
    store = open_store(url)
    return lambda: store


async def test_after_a_move_everything_goes_on(moved: tuple[People, bytes], target: Target) -> None:
    people, file = moved
    await imported(file, target())
    async with authority(target(), secret=SECRET) as auth:
        await people.go_on(auth)


async def test_after_an_import_that_is_no_move_everybody_signs_in_again(
    moved: tuple[People, bytes], target: Target
) -> None:
    people, file = moved
    await imported(file, target(), goes_on=False)
    async with authority(target(), secret=SECRET) as auth:
        await people.begin_anew(auth)


async def test_an_import_that_signs_everybody_out_is_noted_and_a_move_is_none(moved: tuple[People, bytes]) -> None:
    _, file = moved
    for goes_on in (True, False):
        store = MemoryStore()
        with acting(operator="the one who moves"):
            await imported(file, store, goes_on=goes_on)
        async with authority(store, secret=SECRET) as auth:
            entries = (await auth.audit.page()).entries
        found = [(entry.actor, entry.what) for entry in entries if entry.act == Act.IMPORTED]
        assert found == ([] if goes_on else [("the one who moves", moving.check(lines(file)).end.sha256)])


async def test_the_log_goes_on_under_another_history(moved: tuple[People, bytes], target: Target) -> None:
    _, file = moved
    before = {line.entry.encode() for line in read(file.splitlines(keepends=True)) if isinstance(line, EntryLine)}
    store = target()
    await imported(file, store)
    entries = (await store.log(REVOCATIONS, None)).entries
    assert isinstance(decode(entries[0]), Began)
    assert entries[0] not in before
    assert [isinstance(decode(one), Began) for one in entries].count(True) == 1
    assert {one for one in before if not isinstance(decode(one), Began)} < set(entries)


async def test_what_nobody_can_present_any_more_is_left_behind() -> None:
    store, target = MemoryStore(), MemoryStore()
    async with authority(store, secret=SECRET):
        long_ago = SystemClock.now() - 3 * 86_400
        old = Record("ticket", "a1", b'{"v":1,"id":"a1","purpose":"","digest":"","gen":1,"expires_at":1}', 1, long_ago)
        told = Append(REVOCATIONS, b'["ended",0,"a1"]', long_ago, "a")
        await store.commit(Insert(old), told)
        await imported(await exported(store), target)
    assert (await target.get(old.key)) == [None]
    assert told.entry not in (await target.log(REVOCATIONS, None)).entries


async def test_it_is_told_how_far_it_has_come(moved: tuple[People, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moving, "AT_ONCE", 5)
    _, file = moved
    checked = moving.check(lines(file))
    store, told, again = MemoryStore(), list[int](), list[int]()
    await store.open()
    filling = Import(store, store, SystemClock(), chance, TRAIL)
    await filling.begin(checked)
    await filling.fill(lines(file), told.append)
    await filling.finish(checked, goes_on=True)
    await moving.export(store, lambda _: None, SystemClock(), "test", again.append)
    total = checked.end.records + checked.end.entries
    assert told == [*range(5, total, 5), total]
    assert again[:3] == [5, 10, 15]


async def test_a_store_that_is_not_empty_is_left_alone(moved: tuple[People, bytes], target: Target) -> None:
    _, file = moved
    store = target()
    async with authority(store, secret=SECRET) as auth:
        held = await sign_up(auth)
        with pytest.raises(BadInput, match="empty"):
            await imported(file, store)
        assert await auth.accounts.get(held) is not None


async def test_what_nothing_ran_on_has_nothing_to_export(target: Target) -> None:
    with pytest.raises(BadInput, match="nothing"):
        await exported(target())


async def test_accounts_are_refused_by_a_partitioned_store_before_anything_is_written(
    moved: tuple[People, bytes],
) -> None:
    store = MemoryStore(partitioned=True)
    with pytest.raises(ConfigError, match="accounts_store"):
        await imported(moved[1], store)
    assert await dumped(store) == ({}, [])


async def test_sessions_go_on_in_a_partitioned_store_with_the_accounts_beside_it(moved: tuple[People, bytes]) -> None:
    people, file = moved
    store, accounts = MemoryStore(partitioned=True), MemoryStore()
    await imported(file, store, accounts)
    assert {record.kind for record in (await dumped(accounts))[0]} == {"account", "email", "sweep"}
    async with authority(store, secret=SECRET, accounts_store=accounts) as auth:
        await people.go_on(auth)
    assert moving.check((await exported(store, accounts)).splitlines(keepends=True)).accounts > 0


class Dying(Wrapped):
    """Says nothing more after some commits: the last of them happened, or did not."""

    def __init__(self, inner: Store, commits: int, *, done: bool) -> None:
        super().__init__(inner)
        self._left = commits
        self._done = done

    async def commit(self, *changes: Change) -> None:
        self._left -= 1
        if self._left >= 0 or (self._left == -1 and self._done):
            await super().commit(*changes)
        if self._left < 0:
            raise StoreUnavailable("died")


@pytest.mark.parametrize("done", [False, True])
async def test_an_import_that_was_cut_short_counts_only_when_it_came_to_its_end(
    moved: tuple[People, bytes], monkeypatch: pytest.MonkeyPatch, *, done: bool
) -> None:
    monkeypatch.setattr(moving, "AT_ONCE", 5)
    people, file = moved
    commits = 0
    for commits in range(1_000):
        store = MemoryStore()
        try:
            await imported(file, Dying(store, commits, done=done))
        except StoreUnavailable:
            finished = (await store.get(TERM))[0] is not None and not await unfinished(store)
            assert finished <= (done and commits > 1), "it counts before its end"
            if not finished:
                await imported(file, store)
        else:
            break
        async with authority(store, secret=SECRET) as auth:
            assert await accepted(auth, people.revoked) == []
            assert (await auth.accounts.by_email("ann@example.com")) is not None
        if commits % 4 == 0:
            async with authority(store, secret=SECRET) as auth:
                await people.go_on(auth)
    assert commits > 5


async def unfinished(store: Store) -> bool:
    """Whether no server starts on it; none has begun a history of its own there."""
    before = await dumped(store)
    try:
        async with authority(store, secret=SECRET):
            return False
    except StoreUnavailable as error:
        await store.open()
        return "admit import" in str(error) and await dumped(store) == before


async def test_another_file_does_not_go_on_with_what_one_has_begun(moved: tuple[People, bytes]) -> None:
    people, file = moved
    store = MemoryStore()
    with pytest.raises(StoreUnavailable):
        await imported(file, Dying(store, 1, done=True))
    other = MemoryStore()
    async with authority(other, secret=SECRET) as auth:
        await sign_up(auth)
    with pytest.raises(BadInput, match="empty"):
        await imported(await exported(other), store)
    with pytest.raises(StoreError, match="admit import"):
        await exported(store)
    await imported(file, store)
    async with authority(store, secret=SECRET) as auth:
        await people.go_on(auth)


async def test_who_fills_a_store_that_was_changed_meanwhile_does_not_come_to_the_end(
    moved: tuple[People, bytes],
) -> None:
    store = MemoryStore()
    checked = moving.check(moved[1].splitlines(keepends=True))
    await store.open()
    with pytest.raises(StoreError, match="changed"):
        await Import(store, store, SystemClock(), chance, TRAIL).finish(checked, goes_on=True)


async def test_a_record_that_comes_twice_is_as_it_came_last(monkeypatch: pytest.MonkeyPatch) -> None:
    source, target = MemoryStore(), MemoryStore()
    async with authority(source, secret=SECRET) as auth:
        account = await sign_up(auth)
        lines = list(read((await exported(source)).splitlines(keepends=True)))[1:-1]
        await auth.subjects.change(account, Subject.disabled)
        lines += list(read((await exported(source)).splitlines(keepends=True)))[1:-1]
    lines.sort(key=lambda line: isinstance(line, EntryLine))
    for at_once in (500, 5):
        monkeypatch.setattr(moving, "AT_ONCE", at_once)
        target = MemoryStore()
        await imported(file_of(lines), target)
        async with authority(target, secret=SECRET) as auth:
            assert not (await auth.subjects.get(account)).active


def file_of(lines: list[Line]) -> bytes:
    total, texts = Sum(), []
    for line in (Head(format=FORMAT, written_at=1, by="test"), *lines):
        texts.append(written(line))
        total.add(line, texts[-1])
    return b"".join((*texts, written(total.end)))


@pytest.mark.parametrize(
    "line, said",
    [
        (RecordLine(kind="miracle", id="a", version=1, body="{}"), "miracle.*upgrade"),
        (RecordLine(kind="subject", id="a", version=1, body='{"v":99}'), "newer Admit .version 99."),
        (RecordLine(kind="subject", id="a", version=1, body="{"), "cannot be read"),
        (
            RecordLine(kind="subject", id="", version=1, body='{"gen":1,"floor":1,"app_floor":1,"key_floor":1,"v":1}'),
            "id",
        ),
        (EntryLine(topic=REVOCATIONS, entry='["unheard",1]', expires_at=1, home="a"), "newer Admit"),
        (EntryLine(topic=REVOCATIONS, entry='["ended",0,""]', expires_at=1, home="a"), "homes"),
        (EntryLine(topic="audit", entry="", expires_at=1, home="home"), "homes"),
    ],
)
async def test_what_no_store_can_keep_is_refused_before_anything_is_written(line: Line, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        moving.check(file_of([line]).splitlines(keepends=True))


def test_a_file_without_a_history_is_refused() -> None:
    with pytest.raises(BadInput, match="no history"):
        moving.check(file_of([]).splitlines(keepends=True))


def test_every_kind_of_record_can_be_moved() -> None:
    names = [found.name for found in pkgutil.walk_packages(admit.__path__, "admit.") if "__main__" not in found.name]
    values = [value for name in names for value in vars(importlib.import_module(name)).values()]
    # By their type: settings of Django, which nobody has made, cannot even be asked for their class.
    assert {value.kind: value for value in values if issubclass(type(value), Codec)} == CODECS


ACTS = st.lists(st.tuples(st.sampled_from(["sign in", "revoke", "everywhere", "disable", "delete"]), st.integers(0, 2)))


@settings(max_examples=20)
@given(ACTS)
def test_whatever_happened_a_store_that_was_moved_twice_has_the_same(happened: list[tuple[str, int]]) -> None:
    asyncio.run(_moved_twice(happened))


async def _moved_twice(happened: list[tuple[str, int]]) -> None:
    store, between, end = MemoryStore(), MemoryStore(), MemoryStore()
    async with authority(store, secret=SECRET) as auth:
        ids = [await sign_up(auth, f"{number}@example.com") for number in range(3)]
        held = {id: [await sign_in(auth, f"{number}@example.com")] for number, id in enumerate(ids)}
        for what, number in happened:
            id = ids[number]
            match what:
                case "sign in" if (await auth.subjects.get(id)).active:
                    held[id].append(await sign_in(auth, f"{number}@example.com"))
                case "revoke":
                    await auth.revoke(held[id][-1].session)
                case "everywhere":
                    await auth.sessions.sign_out_everywhere(id)
                case "disable":
                    await auth.subjects.change(id, Subject.disabled)
                case "delete" if await auth.accounts.get(id) is not None:
                    await auth.accounts.delete(id)
                case _:
                    pass
        everybody = [one for those in held.values() for one in those]
        alive = [await auth.sessions.get(one.session.id) is not None for one in everybody]
        await imported(await exported(store), between)
        await imported(await exported(between), end)
    assert await comparable(store) == await comparable(end)
    async with authority(end, secret=SECRET) as auth:
        assert [await auth.sessions.get(one.session.id) is not None for one in everybody] == alive
        assert [await accepted(auth, one) != [] for one in everybody] == alive


async def comparable(store: Store) -> tuple[set[Record], set[bytes]]:
    """All but what names the history: a term of another version, and entries that say nothing new."""
    await store.open()
    records, entries = await dumped(store)
    told = [decode(one.entry) for one in entries]
    term = [one for one in records if one.key == TERM]
    return set(records) - set(term) | {Record(*TERM, term[0].body, 0)}, {
        one.entry
        for one, what in zip(entries, told, strict=True)
        if isinstance(what, Ended) or (isinstance(what, Raised) and what.what != EVERYTHING)
    }


async def test_api_keys_go_with_a_store_that_is_moved() -> None:
    store, end = MemoryStore(), MemoryStore()
    async with authority(store, secret=SECRET) as auth:
        made = await auth.api_keys.create(await auth.subjects.before("ann"), "backup", scope="")
        over = await auth.api_keys.create(await auth.subjects.before("ann"), "lost")
        await auth.revoke(over.key)
    await imported(await exported(store), end)
    async with authority(end, secret=SECRET) as auth:
        assert await auth.api_keys.of("ann") == [made.key]
        assert not auth.api_keys.is_suspended(made.key)
        who = await auth.admit(Request("GET", "https://app.example.com/", ((b"x-api-key", made.text.encode()),)))
        assert who.subject == "ann"
