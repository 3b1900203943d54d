"""What every strategy of the lab promises, on every store that it can share."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from admit.lab.strategies import STRATEGIES
from admit.lab.strategies.admit import MEMORIES
from admit.lab.strategy import (
    DEMOTED,
    ENDINGS,
    Caller,
    Count,
    Ending,
    Fronted,
    Held,
    Issuer,
    Plan,
    Refused,
    Server,
    Strategy,
    for_servers,
)
from admit.lab.tables.memory import TABLES
from counts import SCALE
from engines import SERVERS, fresh

HERE = ("none", "memory", "sqlite", *(kind for kind in SERVERS if kind in {"postgresql", "redis"}))
ASKED = {id for id, one in STRATEGIES.items() if isinstance(one, Fronted)}
"""Each of their issuers is a server that takes seconds to start: at the small scale they have a test of their own."""
TRIED = [id for id in STRATEGIES if SCALE or id not in ASKED]
CASES = [(id, store) for id in TRIED for store in STRATEGIES[id].about.stores if store in HERE]
KEPT = [case for case in CASES if case[1] != "none"]
SECRET = bytes(range(32))
ROLES = frozenset({"user", "editor"})
TRIES = 3_000


@dataclass(frozen=True)
class Ground:
    """A strategy in use."""

    strategy: Strategy
    plan: Plan
    issuer: Issuer
    server: Server

    async def settled(self, held: Held, wanted: Caller | None) -> Caller | None:
        """Who is let in once it is ``wanted`` (None: nobody), or after a while."""
        for _ in range(TRIES):
            if await self.seen(held) == wanted:
                break
            await asyncio.sleep(0.01)
        return await self.seen(held)

    async def seen(self, held: Held) -> Caller | None:
        """Who is let in, None for nobody."""
        try:
            return await self.server.verify(held.header)
        except Refused:
            return None

    async def renewed(self, held: Held) -> Caller | None:
        """Who is let in with what comes of a refresh."""
        try:
            return await self.seen(await self.issuer.refresh(held))
        except Refused:
            return None


def plan_of(case: tuple[str, str], folder: Path) -> Plan:
    id, store = case
    urls = {"none": "none://", "memory": "memory://", "sqlite": f"sqlite:///{folder}/{secrets.token_hex(4)}.db"}
    # Who closes an authority waits for its reading of the log, which lasts for a quarter of the staleness.
    return Plan(id, urls.get(store) or fresh(store), SECRET, staleness=1.0)


@pytest.fixture
async def ground(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Ground]:
    strategy, plan = STRATEGIES[request.param[0]], plan_of(request.param, tmp_path)
    async with AsyncExitStack() as stack:
        issuer = await strategy.issuer(plan)
        stack.push_async_callback(issuer.close)
        server = await strategy.server(for_servers(issuer, plan))
        stack.push_async_callback(server.close)
        yield Ground(strategy, plan, issuer, server)


everywhere = pytest.mark.parametrize("ground", CASES, indirect=True, ids="-on-".join)
where_something_is_kept = pytest.mark.parametrize("ground", KEPT, indirect=True, ids="-on-".join)


@everywhere
async def test_who_signed_in_is_told_with_all_roles_and_nobody_else(ground: Ground, tmp_path: Path) -> None:
    ann = await ground.issuer.sign_in("ann", roles=ROLES)
    bob = await ground.issuer.sign_in("bob")
    for _ in range(2):  # the first time, and when it was seen before
        assert await ground.server.verify(ann.header) == Caller("ann", ROLES)
        assert await ground.server.verify(bob.header) == Caller("bob", frozenset({"user"}))
    assert ann.subject == "ann"
    assert ann.header[0] == {"cookie": "cookie", "bearer": "authorization"}[ground.strategy.about.carrier]
    assert ann.kept.partition("\n")[0] in ann.header[1]
    await asks_as_it_says(ground, ann)
    name, value = ann.header
    strange = [value[:-3], f"{value}x", value[: len(value) // 2], "", "Bearer ", "Bearer é\x00\xff", "Basic YTpi"]
    for header in [*((name, one) for one in strange), ("x-nothing", value), await elsewhere(ground, tmp_path)]:
        with pytest.raises(Refused):
            await ground.server.verify(header)


async def asks_as_it_says(ground: Ground, held: Held) -> None:
    """Its server asks the store once for a request, or never."""
    reads = ground.strategy.about.id in {"session", "api-key", "hybrid-blocklist"}
    behind_a_network = ground.plan.url.partition("://")[0] in {"postgresql", "redis"}
    wanted = Count(10 * reads, 10 * reads * behind_a_network)
    # A thread that follows a log may ask meanwhile, but not without pause.
    assert wanted in [await asked_for_ten(ground, held) for _ in range(1 if reads else 20)]


async def asked_for_ten(ground: Ground, held: Held) -> Count:
    """What the server asks while it verifies ten times."""
    before = replace(ground.server.count)
    for _ in range(10):
        await ground.server.verify(held.header)
    after = ground.server.count
    return Count(after.operations - before.operations, after.round_trips - before.round_trips)


async def elsewhere(ground: Ground, folder: Path) -> tuple[str, str]:
    """What somebody presents here who signed in elsewhere."""
    url = ground.plan.url if ground.plan.url == "none://" else f"sqlite:///{folder}/other.db"
    issuer = await ground.strategy.issuer(replace(ground.plan, url=url, secret=SECRET[::-1]))
    try:
        return (await issuer.sign_in("ann")).header
    finally:
        await issuer.close()


@everywhere
async def test_an_end_does_what_the_strategy_says_and_no_more(ground: Ground) -> None:
    bob = await ground.issuer.sign_in("bob", roles=ROLES)
    for how in ENDINGS:
        held, beside = [await ground.issuer.sign_in(how, roles=ROLES) for _ in range(2)]
        await ends_one(ground, how, held)
        if how == "sign out":  # of two sign-ins of somebody that ends one, and all else ends both
            assert await ground.seen(beside) == await ground.renewed(beside) == Caller(how, ROLES)
        else:
            ended_with_it = how in ground.strategy.about.ends
            wanted = None if ended_with_it else Caller(how, ROLES)
            after = (
                Caller(how, DEMOTED) if how == "role change" and ended_with_it and beside.refresh is None else wanted
            )
            assert await ground.settled(beside, after) == after
        assert await ground.seen(bob) == Caller("bob", ROLES)
    assert await ground.renewed(bob) == Caller("bob", ROLES)


async def ends_one(ground: Ground, how: Ending, held: Held) -> None:
    assert await ground.seen(held) == Caller(how, ROLES)
    await ground.issuer.end(how, held)
    after = Caller(how, DEMOTED) if how == "role change" else None
    if how not in ground.strategy.about.ends:
        assert await ground.seen(held) == Caller(how, ROLES)
    elif held.refresh is None:
        assert await ground.settled(held, after) == after
    else:  # what shows the old roles is refused too, and the client refreshes
        assert await ground.settled(held, None) is None
    if held.refresh is not None:
        assert await ground.renewed(held) == after


@where_something_is_kept
async def test_everybody_who_is_loaded_takes_room(ground: Ground) -> None:
    await ground.issuer.load([f"user-{number:05}" for number in range(1_200)])
    assert 100 < await ground.issuer.kept_bytes() / 1_200 < 4_000
    held = await ground.issuer.sign_in("ann")
    assert await ground.seen(held) == Caller("ann", frozenset({"user"}))


@pytest.mark.parametrize("id", ["session", "admit-token"])
async def test_what_is_kept_in_memory_is_weighed_alone_while_others_sign_in_too(id: str) -> None:
    strategy, people = STRATEGIES[id], [f"person-{number}" for number in range(100)]

    async def weighed(number: int) -> int:
        issuer = await strategy.issuer(Plan(id, f"memory://together-{number}", SECRET))
        await issuer.load(people)
        kept = await issuer.kept_bytes()
        await issuer.close()
        return kept

    alone = await weighed(0)
    together = await asyncio.gather(*map(weighed, range(1, 7)))
    assert all(alone / 2 < one < alone * 2 for one in together), (alone, together)


async def test_what_has_lived_its_time_lets_nobody_in() -> None:
    async def ended(id: str) -> Caller | None:
        strategy, url = STRATEGIES[id], "memory://brief" if "memory" in STRATEGIES[id].about.stores else "none://"
        plan = Plan(id, url, SECRET, access_seconds=1.0, session_seconds=1.0)
        issuer, server = await strategy.issuer(plan), await strategy.server(plan)
        try:
            return await Ground(strategy, plan, issuer, server).settled(await issuer.sign_in("ann"), None)
        finally:
            await server.close()
            await issuer.close()

    brief = [id for id in STRATEGIES if id not in ASKED | {"admit-key"}]  # no key of Admit lives for less than a minute
    assert await asyncio.gather(*map(ended, brief)) == [None] * len(brief)


@pytest.mark.parametrize("ground", [case for case in CASES if case[0].startswith("hybrid")], indirect=True)
async def test_a_refresh_token_that_comes_back_ends_its_family(ground: Ground) -> None:
    first = await ground.issuer.sign_in("ann")
    second = await ground.issuer.refresh(first)
    assert await ground.seen(second) == Caller("ann", frozenset({"user"}))
    with pytest.raises(Refused):
        await ground.issuer.refresh(first)
    with pytest.raises(Refused):
        await ground.issuer.refresh(second)
    both = [await ground.seen(one) for one in (first, second)]
    assert both == (
        [None, None] if "sign out" in ground.strategy.about.ends else [Caller("ann", frozenset({"user"}))] * 2
    )


@pytest.fixture(scope="module", autouse=True)
def nothing_is_left_in_memory() -> Iterator[None]:
    """What a strategy keeps in memory goes with the last who has it open."""
    before = len(TABLES) + len(MEMORIES)
    yield
    assert len(TABLES) + len(MEMORIES) <= before
