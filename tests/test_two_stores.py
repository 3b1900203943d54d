"""Accounts in a store of their own: whoever dies between the two stores, nothing acknowledged is undone, and the rest is finished."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from admit.core.store import Change, Delete, Insert, Record, Replace, Store
from admit.errors import ConfigError, Denied, LostHistory, Revoked, StoreError, StoreUnavailable
from admit.kept import ACCOUNT
from admit.stores import open_store
from admit.stores.beside import Beside
from admit.stores.memory import MemoryStore
from admit.subjects import Subject
from admit.system import chance
from admit.testing.contract_dumps import dumped
from admit.untold import Untold
from moves import SECRET
from processes.acts import ANOTHER, EMAIL, EVERY, PASSWORD, accepted, authority, sign_in, sign_up
from services import Overtaken
from two_stores import (
    DEEDS,
    MET,
    Deed,
    Life,
    Met,
    Two,
    arrived,
    create,
    delete,
    dies_at_each_commit,
    done,
    happened,
    may_sign_in,
    reset,
)


@pytest.fixture(params=["memory beside memory", "homes beside memory", "homes beside sqlite", "sqlite beside sqlite"])
def two(request: pytest.FixtureRequest, tmp_path: Path) -> Two:
    def made(kind: str, name: str) -> Store:
        if kind == "sqlite":
            return open_store(f"sqlite:///{tmp_path / name}")
        return MemoryStore(partitioned=kind == "homes")

    one, _, other = request.param.split()
    return Two(made(one, "store.db"), made(other, "accounts.db"))


@pytest.mark.parametrize("deed", DEEDS)
async def test_what_was_acknowledged_has_happened_and_leaves_no_mark(two: Two, deed: Deed) -> None:
    async with two.served() as auth:
        ann = await arrived(auth)
        assert not await happened(deed, auth, ann)
        assert await done(deed, auth, ann)
        assert await happened(deed, auth, ann)
        assert await two.marks() == 0


@pytest.mark.parametrize("met", MET)
@pytest.mark.parametrize("deed", DEEDS)
@pytest.mark.parametrize("last", [False, True])
async def test_whoever_dies_on_the_way_somebody_finishes_it(deed: Deed, met: Met, *, last: bool) -> None:
    await dies_at_each_commit(lambda: Two(MemoryStore(partitioned=True), MemoryStore()), deed, met, last=last)


@pytest.mark.parametrize("deed", DEEDS)
async def test_what_was_told_is_not_told_again(deed: Deed) -> None:
    if deed is delete:
        return
    two = Two(MemoryStore(partitioned=True), MemoryStore())
    async with two.served() as auth:
        ann = await arrived(auth)
        life = Life(10, last=False)
        async with two.served(life) as dying:
            life.left = 2
            assert not await done(deed, dying, ann)
        assert await two.marks() == 1
        id = ann.id
        if deed is create:
            [record] = [one for one in (await dumped(two.accounts))[0] if one.kind == "account" and one.id != id]
            id = record.id
            await auth.subjects.change(id, lambda subject: subject.with_roles(["user"]))
        started = await auth.sessions.start((await auth.subjects.before(id)).proven("pwd"))
        await auth.accounts.tell()
        assert await two.marks() == 0
        assert await auth.sessions.get(started.session.id) is not None, "what had ended everything did so again"
        assert deed is not create or (await auth.subjects.get(id)).roles == ("user",), "roles came back"


async def test_who_comes_late_with_a_mark_that_is_told_tells_nothing() -> None:
    accounts = Overtaken()
    two = Two(MemoryStore(), accounts)
    async with two.served() as auth:
        ann = await arrived(auth)
        life = Life(10, last=True)
        async with two.served(life) as dying:
            life.left = 0
            assert not await done(reset, dying, ann)
        started = None

        async def overtake() -> None:
            nonlocal started
            await auth.accounts.tell()
            await reset(auth, ann)
            started = await sign_in(auth, password=ANOTHER)

        accounts.at("after account is read", overtake)
        await auth.accounts.tell()
        assert accounts.overtaken
        assert started is not None
        assert await accepted(auth, started) == EVERY, "it was told a second time"


async def test_however_many_are_left_untold_all_are_told() -> None:
    two = Two(MemoryStore(), MemoryStore())
    async with two.served() as auth:
        ann = await arrived(auth)
        life = Life(1_000, last=True)
        async with two.served(life) as dying:
            await dying.check()
            life.left = 0
            assert not await done(reset, dying, ann)
        [marked] = await two.accounts.get(auth.accounts.key(ann.id))
        assert marked is not None
        many = [replace(marked, id=f"{marked.id[0]}{number}") for number in range(250)]
        await two.accounts.commit(*map(Insert, many))
        await auth.accounts.tell()
        assert await two.marks() == 0
        for number in (0, 249):
            assert (await auth.subjects.get(many[number].id)).floor > (await auth.subjects.get("nobody")).floor


class Busy(MemoryStore):
    """A store of accounts in which somebody marks an account anew whenever its mark goes."""

    async def commit(self, *changes: Change) -> None:
        await super().commit(*changes)
        for change in changes:
            if isinstance(change, Replace) and change.record.kind == ACCOUNT.kind:
                kept = ACCOUNT.decode(change.record)
                if kept.untold is None:
                    untold = Untold(event="reset").marked(chance)
                    body = ACCOUNT.encode(msgspec.structs.replace(kept, untold=untold))
                    again = replace(change.record, body=body, version=change.record.version ^ 1)
                    await super().commit(Replace(again, change.record.version))


async def test_an_account_that_changes_without_pause_gives_no_answer() -> None:
    two = Two(MemoryStore(), Busy())
    async with two.served() as auth:
        ann = await sign_up(auth)
        for asked in (auth.accounts.get(ann), auth.accounts.sign_in(EMAIL, PASSWORD), auth.accounts.delete(ann)):
            with pytest.raises(StoreUnavailable, match="in a row"):
                await asked


async def test_a_session_that_ends_while_its_password_changes_stays_ended_and_the_change_is_finished() -> None:
    store = Overtaken()
    two = Two(store, MemoryStore())
    async with two.served() as auth:
        ann = await arrived(auth)

        async def overtake() -> None:
            # Before the subject's commit, behind that of the account.
            await MemoryStore.commit(store, Delete("session", ann.own.session.id))

        store.at("before the commit", overtake)
        with pytest.raises(Revoked):
            await auth.accounts.change_password(ann.own.session, PASSWORD, ANOTHER)
        assert store.overtaken
        assert await two.marks() == 0
        assert await may_sign_in(auth, ANOTHER)
        assert await accepted(auth, ann.other) == []


MOMENTS = {
    "accounts": ("after email is read", "after account is read"),
    "store": ("after subject is read", "before the commit"),
}


@pytest.mark.parametrize("which, moment", [(which, moment) for which, moments in MOMENTS.items() for moment in moments])
async def test_a_sign_in_by_the_password_of_before_does_not_survive_its_change(which: str, moment: str) -> None:
    overtaken = {"store": Overtaken(), "accounts": Overtaken()}
    two = Two(overtaken["store"], overtaken["accounts"])
    async with two.served() as auth, two.served(Life(1_000, last=False)) as other:
        ann = await arrived(auth)
        overtaken[which].at(moment, lambda: reset(other, ann))
        try:
            held = await sign_in(auth)
        except Denied:
            held = None
        assert overtaken[which].overtaken
        assert held is None or await accepted(auth, held) == []
        assert await may_sign_in(auth, ANOTHER)


@pytest.mark.parametrize("which", ["store.db", "accounts.db"])
@pytest.mark.parametrize("told_to", ["stop", "end everything"])
async def test_a_store_that_is_replaced_under_a_running_server_is_noticed(
    tmp_path: Path, which: str, told_to: str
) -> None:
    urls = [f"sqlite:///{tmp_path / name}" for name in ("store.db", "accounts.db")]
    settings = {"accounts_store": urls[1], "secret": SECRET, "on_lost_history": told_to}
    async with authority(urls[0], **settings) as auth:
        ann = await arrived(auth)
        copy = tmp_path / "copy"
        with closing(sqlite3.connect(tmp_path / which)) as source, closing(sqlite3.connect(copy)) as target:
            source.backup(target)
        copy.replace(tmp_path / which)
        with pytest.raises(LostHistory):
            await sign_in(auth)
        if told_to == "stop":
            for held in (ann.own, ann.other):
                with pytest.raises(LostHistory):
                    await accepted(auth, held)
        else:
            assert await accepted(auth, ann.own) == []
            assert await accepted(auth, await sign_in(auth)) == EVERY


async def test_an_account_is_disabled_and_enabled_where_its_subject_lies(two: Two) -> None:
    async with two.served() as auth:
        ann = await arrived(auth)
        await auth.subjects.change(ann.id, Subject.disabled)
        assert not await may_sign_in(auth, PASSWORD)
        await auth.subjects.change(ann.id, Subject.enabled)
        assert await may_sign_in(auth, PASSWORD)


async def test_what_a_deleted_account_had_is_swept_from_both(two: Two) -> None:
    async with two.served() as auth:
        ann = await arrived(auth)
        await auth.accounts.delete(ann.id)
        while await auth.purge():
            pass
        assert {record.kind for record in (await dumped(two.accounts))[0]} == set()
        assert "session" not in {record.kind for record in (await dumped(two.store))[0]}
        assert await sign_up(auth) != ann.id


async def test_each_store_has_its_own_and_nothing_else(two: Two) -> None:
    async with two.served() as auth:
        await arrived(auth)
        assert {record.kind for record in (await dumped(two.accounts))[0]} == {"account", "email"}
        assert not {"account", "email"} & {record.kind for record in (await dumped(two.store))[0]}
        assert (await dumped(two.accounts))[1] == []


async def test_without_one_of_the_two_there_is_no_answer() -> None:
    two = Two(MemoryStore(), MemoryStore())
    async with two.served() as auth:
        await arrived(auth)
        await two.accounts.close()
        with pytest.raises(StoreUnavailable):
            await sign_in(auth)


async def test_a_second_store_that_cannot_be_opened_closes_the_first() -> None:
    class Shut(MemoryStore):
        async def open(self) -> None:
            raise StoreUnavailable("shut")

    store = MemoryStore()
    with pytest.raises(StoreUnavailable):
        await authority(store, accounts_store=Shut(), secret=SECRET).open()
    with pytest.raises(StoreUnavailable):
        await store.get(("thing", "a1"))


async def test_nothing_is_read_or_committed_in_both_at_once() -> None:
    both = Beside(MemoryStore(), MemoryStore(), {"far"})
    await both.open()
    near, far = Record("near", "a1", b"1", 1), Record("far", "a1", b"2", 2)
    with pytest.raises(StoreError):
        await both.commit(Insert(near), Insert(far))
    for one in (near, far):
        await both.commit(Insert(one))
    with pytest.raises(StoreError):
        await both.get(near.key, far.key)
    assert [await both.get(one.key) for one in (near, far)] == [[near], [far]]
    assert await both.inner.get(far.key) == await both.other.get(near.key) == [None]
    await both.commit(Delete(*far.key, far.version))
    assert (await dumped(both))[0] == {near: None}
    await both.close()


def test_a_partitioned_store_is_none_for_accounts() -> None:
    with pytest.raises(ConfigError, match="accounts_store is partitioned"):
        authority("memory://", accounts_store="memory://?homes")
    with pytest.raises(ConfigError, match="none of"):
        authority("memory://", accounts_store="nothing://")


async def test_an_account_without_a_store_of_its_own_is_refused_by_a_partitioned_one() -> None:
    async with authority("memory://?homes") as auth:
        with pytest.raises(ConfigError, match="accounts_store"):
            await sign_up(auth)
