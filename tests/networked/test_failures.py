"""A database server fails in the middle of a run: nobody is let in or out by it, and all goes on when it is back (OPS-02).

Who asks meanwhile is told that there is no answer (503), never Denied, at which a client would throw its sign-in away;
what was acknowledged is there afterwards; and no server has to be started anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from admit.authority import Authority
from commands import free_port
from counts import times
from doors import authority as at_door
from doors import bearer, door, is_problem
from engines import Engine
from processes.acts import EVERY, SECRET, Held, accepted, act, authority, revoke, sign_in, verify
from processes.between import BLACK_HOLE, CLEAR, RESET, proxy
from processes.crew import Crew
from processes.runs import NO_ANSWER, Run, begun, until, well_again

BOUND = 1.0


@dataclass(frozen=True)
class Way:
    """The only way between a run and its database, and what happens on it."""

    engine: Engine
    database: str
    turn: Callable[[str], Awaitable[None]]


@asynccontextmanager
async def run_on(engine: Engine) -> AsyncGenerator[tuple[Run, Way]]:
    """A run that reaches its database by a way of its own."""
    database, port = engine.database(), free_port()
    async with Crew() as crew:
        between = crew.start(proxy, port, engine.port, BOUND, 1)
        assert await between.hear() == "ready"

        async def turn(mode: str) -> None:
            between.say(mode)
            assert await between.hear() == "turned"

        url = database.replace(f":{engine.port}/", f":{port}/")
        async with authority(url + engine.IMPATIENT, secret=SECRET, max_staleness=BOUND) as auth:
            yield await begun(auth), Way(engine, database, turn)


@asynccontextmanager
async def killed(way: Way) -> AsyncGenerator[None]:
    await asyncio.to_thread(way.engine.kill)
    yield
    await asyncio.to_thread(way.engine.start)


@asynccontextmanager
async def ended(way: Way) -> AsyncGenerator[None]:
    await asyncio.to_thread(way.engine.stop)
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


@pytest.mark.parametrize("fault", [killed, ended, stopped, cut, reset], ids=lambda fault: fault.__name__)
async def test_without_its_database_nobody_is_let_in_or_out(own: Engine, fault: Callable[..., object]) -> None:
    async with run_on(own) as (run, way):
        async with fault(way):  # type: ignore[attr-defined]
            await run.nobody_is_told_a_lie()
            await run.nobody_is_answered()
            await run.nobody_is_let_in(BOUND)
        await well_again(run.auth)
        await run.nobody_is_told_a_lie()
        assert await accepted(run.auth, run.revoked) == []
        held = await sign_in(run.auth)
        assert await accepted(run.auth, held) == EVERY
        await run.auth.revoke(held.session)
        assert await accepted(run.auth, held) == []


async def test_what_ended_elsewhere_while_it_was_cut_off_is_accepted_for_no_longer_than_the_bound(own: Engine) -> None:
    async with run_on(own) as (run, way):
        async with authority(way.database, secret=SECRET, max_staleness=BOUND) as elsewhere, cut(way):
            receipt = await elsewhere.revoke(run.warm.session)
            await asyncio.sleep(receipt.effective_by - elsewhere.clock.now())
            for door, text in (("session", run.warm.cookie), ("token", run.warm.pair.access_token)):
                assert (await act(verify, text, door).outcome(run.auth)).error in {"Stale", "Revoked"}
        await well_again(run.auth)
        assert await accepted(run.auth, run.warm) == []


class Worker:
    """Signs in and out without pause, and remembers what was acknowledged."""

    def __init__(self, auth: Authority) -> None:
        self.auth = auth
        self.begun: list[Held] = []
        self.over: list[Held] = []
        self.errors: set[str] = set()

    async def work(self) -> None:
        """Go on for ever."""
        while True:
            signed_in = await act(sign_in).outcome(self.auth)
            self.errors.add(signed_in.error)
            if signed_in.error:
                await asyncio.sleep(0.01)
                continue
            held = signed_in.value
            if len(self.begun) <= len(self.over):
                self.begun.append(held)
                continue
            out = await act(revoke, held).outcome(self.auth)
            self.errors.add(out.error)
            if not out.error:
                self.over.append(held)


async def test_what_was_acknowledged_before_the_server_was_killed_is_so_afterwards(own: Engine) -> None:
    url = own.database() + own.IMPATIENT
    async with authority(url, secret=SECRET, max_staleness=BOUND) as auth:
        await begun(auth)
        for life in range(times("lives of a database server")):
            workers = [Worker(auth) for _ in range(4)]
            working = [asyncio.create_task(worker.work()) for worker in workers]

            async def at_work(workers: list[Worker] = workers) -> bool:
                return all(worker.begun and worker.over for worker in workers)

            await until(at_work)
            await asyncio.to_thread(own.kill if life % 2 == 0 else own.stop)
            for task in working:
                task.cancel()
            await asyncio.gather(*working, return_exceptions=True)
            await asyncio.to_thread(own.start)
            await well_again(auth)
            assert set().union(*(worker.errors for worker in workers)) <= {"", *NO_ANSWER}
            # Asked of somebody who was not there, and so knows it from the database alone.
            async with authority(url, secret=SECRET) as another:
                for worker in workers:
                    assert await accepted(another, worker.begun[-1]) == EVERY
                    assert await accepted(another, worker.over[-1]) == []


async def test_without_its_database_a_server_says_503_and_never_401(own: Engine) -> None:
    async with door(at_door(store=own.database() + own.IMPATIENT, secret=SECRET, max_staleness=BOUND)) as here:
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
        assert (await here.browser().get("/healthz")).status_code == 200
        await asyncio.to_thread(own.start)

        async def ready() -> bool:
            return (await here.browser().get("/readyz")).status_code == 200

        await until(ready)
        assert (await browser.get("/api/me")).status_code == 200
        assert (await browser.post("/api/sign-out")).status_code == 204
