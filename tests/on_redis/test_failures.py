"""A Redis fails in the middle of a run: nobody is let in or out by it, and all goes on when it is back (OPS-02).

Who asks meanwhile is told that there is no answer (503), never Denied, at which a client would throw its sign-in away;
what was acknowledged is there afterwards; and no server has to be started anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from admit.errors import Denied, LostHistory
from commands import free_port
from counts import times
from doors import authority as at_door
from doors import bearer, door, is_problem
from postgresql.test_failures import Worker, until, well_again
from processes.acts import EVERY, SECRET, accepted, act, authority, revoke, sign_in, sign_up, verify
from processes.between import BLACK_HOLE, CLEAR, RESET, proxy
from processes.crew import Crew
from processes.runs import NO_ANSWER, Run, begun
from redises import Engine, eventually, pair, redis

BOUND = 1.0
IMPATIENT = "?timeout=2"


@pytest.fixture(scope="module")
def own() -> Iterator[Engine]:
    """A server that these tests may fail."""
    with redis() as found:
        yield found


@dataclass(frozen=True)
class Way:
    """The only way between a run and its Redis, and what happens on it."""

    engine: Engine
    database: str
    turn: Callable[[str], Awaitable[None]]


@asynccontextmanager
async def run_on(engine: Engine) -> AsyncGenerator[tuple[Run, Way]]:
    """A run that reaches its Redis by a way of its own."""
    database, port = engine.database(), free_port()
    async with Crew() as crew:
        between = crew.start(proxy, port, engine.port, BOUND, 1)
        assert await between.hear() == "ready"

        async def turn(mode: str) -> None:
            between.say(mode)
            assert await between.hear() == "turned"

        url = database.replace(f":{engine.port}/", f":{port}/")
        async with authority(url + IMPATIENT, secret=SECRET, max_staleness=BOUND) as auth:
            yield await begun(auth), Way(engine, database, turn)


@asynccontextmanager
async def killed(way: Way) -> AsyncGenerator[None]:
    await asyncio.to_thread(way.engine.kill)
    yield
    await asyncio.to_thread(way.engine.start)


@asynccontextmanager
async def stopped(way: Way) -> AsyncGenerator[None]:
    with way.engine.stopped():
        yield


@asynccontextmanager
async def cut(way: Way) -> AsyncGenerator[None]:
    await way.turn(BLACK_HOLE)
    yield
    await way.turn(CLEAR)


@asynccontextmanager
async def reset(way: Way) -> AsyncGenerator[None]:
    await way.turn(RESET)
    yield
    await way.turn(CLEAR)


async def nobody_is_let_in(run: Run) -> None:
    """Return once the bound is over, and whoever was let in until then is told that there is no answer."""
    await run.nobody_is_told_a_lie()
    await asyncio.sleep(BOUND * 1.01)
    for way, text in (("session", run.warm.cookie), ("token", run.warm.pair.access_token)):
        assert (await act(verify, text, way).outcome(run.auth)).error == "Stale"
    await run.nobody_is_told_a_lie()


@pytest.mark.parametrize("fault", [killed, stopped, cut, reset], ids=lambda fault: fault.__name__)
async def test_without_its_redis_nobody_is_let_in_or_out(own: Engine, fault: Callable[..., object]) -> None:
    async with run_on(own) as (run, way):
        async with fault(way):  # type: ignore[attr-defined]
            await nobody_is_let_in(run)
        await well_again(run.auth)
        await run.nobody_is_told_a_lie()
        assert await accepted(run.auth, run.revoked) == []
        held = await sign_in(run.auth)
        assert await accepted(run.auth, held) == EVERY
        await run.auth.revoke(held.session)
        assert await accepted(run.auth, held) == []


async def test_a_primary_that_is_cut_off_from_its_replica_lets_nobody_in() -> None:
    with pair() as (primary, replica):
        async with authority(primary.url(IMPATIENT), secret=SECRET, max_staleness=BOUND) as auth:
            run = await begun(auth)
            with replica.stopped():
                eventually(lambda: primary.says("replication")["min_slaves_good_slaves"] == "0")
                await nobody_is_let_in(run)
            await well_again(auth)
            assert await accepted(auth, run.revoked) == []
            assert await accepted(auth, await sign_in(auth)) == EVERY


async def test_where_memory_is_full_nobody_signs_in_and_everybody_can_be_signed_out() -> None:
    with redis() as engine:
        async with authority(engine.url(IMPATIENT), secret=SECRET, max_staleness=BOUND) as auth:
            run = await begun(auth)
            held = await sign_in(auth)
            engine.run("CONFIG", "SET", "maxmemory", "1")
            assert (await act(sign_in).outcome(auth)).error == "StoreUnavailable"
            await asyncio.sleep(BOUND * 1.01)
            assert await accepted(auth, held) == EVERY
            assert not (await act(revoke, held).outcome(auth)).error
            assert await accepted(auth, held) == []
            engine.run("CONFIG", "SET", "maxmemory", "0")
            assert await accepted(auth, await sign_in(auth)) == EVERY
            assert await accepted(auth, run.warm) == EVERY


async def test_what_was_acknowledged_before_redis_was_killed_is_so_afterwards(own: Engine) -> None:
    url = own.database()
    async with authority(url + IMPATIENT, secret=SECRET, max_staleness=BOUND) as auth:
        await begun(auth)
        for _ in range(times("lives of a database server")):
            workers = [Worker(auth) for _ in range(4)]
            working = [asyncio.create_task(worker.work()) for worker in workers]

            async def at_work(workers: list[Worker] = workers) -> bool:
                return all(worker.begun and worker.over for worker in workers)

            await until(at_work)
            await asyncio.to_thread(own.kill)
            for task in working:
                task.cancel()
            await asyncio.gather(*working, return_exceptions=True)
            await asyncio.to_thread(own.start)
            await well_again(auth)
            assert set().union(*(worker.errors for worker in workers)) <= {"", *NO_ANSWER}
            # Asked of somebody who was not there, and so knows it from Redis alone.
            async with authority(url, secret=SECRET) as another:
                for worker in workers:
                    assert await accepted(another, worker.begun[-1]) == EVERY
                    assert await accepted(another, worker.over[-1]) == []


async def test_a_failover_that_undid_an_end_is_noticed_and_lets_nobody_back_in() -> None:
    with pair(min_replicas_to_write="0") as (primary, replica):
        url = primary.url(IMPATIENT)
        async with authority(url, secret=SECRET, max_staleness=BOUND) as auth:
            await sign_up(auth)
            ended, held = await sign_in(auth), await sign_in(auth)
            for one in (ended, held):
                for request in one.requests().values():
                    await auth.admit(request)
            offset = primary.says("replication")["master_repl_offset"]
            eventually(lambda: int(replica.says("replication")["slave_repl_offset"]) >= int(offset))
            replica.run("REPLICAOF", "NO", "ONE")  # it was promoted, and what comes now is the tail that it never sees
            await auth.revoke(ended.session)
            primary.kill()
            replica.moves_to(primary.port)

            async def notices() -> bool:
                return (await act(sign_in).outcome(auth)).error == "LostHistory"

            await until(notices)
            for one in (ended, held):
                for request in one.requests().values():
                    with pytest.raises((Denied, LostHistory)):
                        await auth.admit(request)
            for name, request in ended.requests().items():
                assert (await act(type(auth).admit, request).outcome(auth)).error in {"Revoked", *NO_ANSWER}, name
        # What an operator does: end everything, and start anew.
        async with authority(url, secret=SECRET) as auth:
            assert await accepted(auth, ended) != [], "the replica knew of no end: else nothing was shown"
        restoring = authority(url, secret=SECRET)
        await restoring.restore()
        await restoring.close()
        async with authority(url, secret=SECRET) as auth:
            assert await accepted(auth, ended) == await accepted(auth, held) == []
            assert await accepted(auth, await sign_in(auth)) == EVERY


async def test_without_its_redis_a_server_says_503_and_never_401(own: Engine) -> None:
    async with door(at_door(store=own.database() + IMPATIENT, secret=SECRET, max_staleness=BOUND)) as here:
        browser, tokens = await here.signed_in(), await here.tokens()
        assert (await browser.get("/api/me")).status_code == 200
        await asyncio.to_thread(own.kill)
        await asyncio.sleep(BOUND * 1.01)
        answers = [
            await browser.get("/api/me"),
            await here.browser().get("/api/me", headers=bearer(tokens)),
            await here.browser().post("/api/refresh", json={"refresh_token": tokens["refresh_token"]}),
            await browser.post("/api/sign-out"),
            await here.browser().get("/readyz"),
        ]
        for answer in answers:
            assert answer.status_code == 503, answer.url
            assert is_problem(answer)
            assert "retry-after" in answer.headers
            assert "set-cookie" not in answer.headers
        await asyncio.to_thread(own.start)

        async def ready() -> bool:
            return (await here.browser().get("/readyz")).status_code == 200

        await until(ready)
        assert (await browser.get("/api/me")).status_code == 200
        assert (await browser.post("/api/sign-out")).status_code == 204
