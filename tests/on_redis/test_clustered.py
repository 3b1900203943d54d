"""Authorities over one Redis Cluster: whatever its home, a session ends everywhere, while nodes fail and homes move."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace

import pytest

from admit.authority import Authority
from admit.core.store import REVOCATIONS, Append, Change, Delete, Insert, Record, Replace, Store
from admit.errors import ConfigError, Denied, Revoked, Stale, StoreUnavailable
from admit.sessions import Started
from admit.stores import open_store
from admit.system import SystemClock
from admit.testing.contract import now, version, whole_log
from processes.runs import answered
from redises import PATIENCE, Cluster, eventually
from worlds import authority, with_cookie, with_token

BOUND = 1.0


@pytest.fixture
async def store(nodes: Cluster) -> AsyncIterator[Store]:
    found = open_store(nodes.url(f"?prefix={secrets.token_hex(4)}:"))
    await found.open()
    yield found
    await found.close()


@dataclass(frozen=True)
class Two:
    """Two authorities over one Cluster, as in two servers."""

    url: str
    here: Authority
    there: Authority

    async def sign_in(self, subject: str = "ann") -> Started:
        return await self.here.sessions.start((await self.here.subjects.before(subject)).proven("pwd"))


@asynccontextmanager
async def two(nodes: Cluster) -> AsyncGenerator[Two]:
    url = nodes.url(f"?prefix={secrets.token_hex(4)}:&timeout=4")
    async with (
        authority(url, SystemClock(), max_staleness=BOUND) as here,
        authority(url, SystemClock(), max_staleness=BOUND) as there,
    ):
        yield Two(url, here, there)


async def test_whatever_its_home_a_session_begun_by_one_server_goes_on_at_another_and_ends_at_both(
    nodes: Cluster,
) -> None:
    async with two(nodes) as servers:
        held = {subject: await servers.sign_in(subject) for subject in ("ann", "bob", "eve", "joe", "kim", "lee")}
        assert len({nodes.keeper(started.session.id[0]).port for started in held.values()}) > 1
        pairs = {subject: await servers.here.tokens.issue(started.session) for subject, started in held.items()}
        for subject, started in held.items():
            refreshed = await servers.there.tokens.refresh(pairs[subject].refresh_token)
            for text in (pairs[subject].access_token, refreshed.access_token):
                assert (await servers.there.admit(with_token(text))).subject == subject
            assert (await servers.there.admit(with_cookie(started))).subject == subject
        receipts = [await servers.there.revoke(started.session) for started in held.values()]
        await asyncio.sleep(receipts[-1].effective_by - servers.here.clock.now())
        for subject, started in held.items():
            for auth in (servers.here, servers.there):
                for request in (with_cookie(started), with_token(pairs[subject].access_token)):
                    with pytest.raises(Denied):
                        await auth.admit(request)
                with pytest.raises(Denied):
                    await auth.tokens.refresh(pairs[subject].refresh_token)


async def test_who_follows_hears_of_every_home(nodes: Cluster) -> None:
    async with two(nodes) as servers:
        feed = servers.there.feed()
        known = (await feed.page(None, 0)).cursor
        for subject in ("ann", "bob", "eve", "joe"):
            started = await servers.sign_in(subject)
            waiting = asyncio.create_task(feed.page(known, PATIENCE))
            await servers.here.revoke(started.session)
            page = await asyncio.wait_for(waiting, PATIENCE)
            assert page.entries
            known = page.cursor


async def test_accounts_are_refused_in_words_that_say_what_to_do(nodes: Cluster) -> None:
    async with two(nodes) as servers:
        with pytest.raises(ConfigError, match="partition"):
            await servers.here.accounts.create("ann@example.com", "correct horse battery staple")


async def test_when_a_node_is_gone_its_homes_have_no_answer_until_a_replica_takes_over(nodes: Cluster) -> None:
    async with two(nodes) as servers:
        held, ended = await servers.sign_in(), await servers.sign_in()
        await servers.here.revoke(ended.session)
        node = nodes.keeper(held.session.id[0])
        heir = nodes.heir(node)
        offset = node.says("replication")["master_repl_offset"]
        eventually(lambda: int(heir.says("replication")["slave_repl_offset"]) >= int(offset))
        node.kill()
        try:
            await asyncio.sleep(BOUND * 1.01)
            with pytest.raises((Revoked, Stale, StoreUnavailable)):
                await servers.there.admit(with_cookie(ended))
            await asyncio.to_thread(eventually, lambda: heir.says("replication")["role"] == "master")
            await answered(servers.sign_in)
            await answered(lambda: servers.there.admit(with_cookie(held)))
            for auth in (servers.here, servers.there):
                assert (await auth.admit(with_cookie(held))).subject == "ann"
                with pytest.raises(Denied):
                    await auth.admit(with_cookie(ended))
        finally:
            node.start()
            eventually(nodes.is_whole)  # the other tests use it too


def of_q(name: str) -> Record:
    """A record whose home nobody else uses."""
    return Record("thing", f"q{name}", b"{}", version(), None, frozenset({"qt"}))


async def test_while_a_home_moves_to_another_node_nothing_is_done_half_way(nodes: Cluster, store: Store) -> None:
    there = {one.id: one for one in (of_q(f"{number:02}") for number in range(20))}
    told = ["begun"]
    bare = [replace(one, tags=frozenset(), version=version()) for one in there.values()]
    await store.commit(*map(Insert, bare), Append(REVOCATIONS, b"begun", now() + 3600, "q"))
    # What came last moves first: the index, without which nothing here can be changed.
    await store.commit(*(Replace(there[one.id], one.version) for one in bare))

    async def change(*changes: Change, name: str) -> bool:
        try:
            await store.commit(Append(REVOCATIONS, name.encode(), now() + 3600, "q"), *changes)
        except StoreUnavailable:
            return False
        told.append(name)
        return True

    refused = 0
    for moved in nodes.move("q"):  # a key after the other
        new, old = of_q(f"new{moved:02}"), next(iter(there.values()))
        if await change(Insert(new), name=f"+{new.id}"):
            there[new.id] = new
        elif await change(Delete(*old.key, old.version), name=f"-{old.id}"):
            del there[old.id]
        else:
            refused += 1
        with suppress(StoreUnavailable):
            found = await store.find("thing", "qt", limit=1_000)
            assert [one.id for one in found.records] == sorted(there), "what is on its way looked as if it were gone"
    assert refused
    await answered(lambda: store.get(("thing", "q00")))
    assert await change(Insert(of_q("zz")), name="last")
    assert await store.get(*(one.key for one in there.values())) == list(there.values())
    found = await store.find("thing", "qt", limit=1_000)
    assert [one.id for one in found.records] == [*sorted(there), "qzz"]
    assert await whole_log(store) == [name.encode() for name in told]
