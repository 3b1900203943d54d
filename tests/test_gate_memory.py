"""What the gate remembers of credentials it found good: bounded, and kept while it is used."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from admit.core.log import Copy
from admit.core.recent import Recent
from admit.gate import Gate
from worlds import KINDS, SHORT, World, value_of, world


@pytest.fixture(params=KINDS)
async def here(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    async with world(request.param, tmp_path, sessions=SHORT) as found:
        yield found


def test_the_cache_is_bounded_and_keeps_as_many_of_the_last_as_it_says() -> None:
    recent: Recent[int] = Recent(5)
    for number in range(1_000):
        recent.put(str(number), number)
        last = {str(each) for each in range(max(0, number - 4), number + 1)}
        assert last <= recent.young.keys() | recent._old.keys()
        assert len(recent.young) + len(recent._old) <= 10
    assert recent.get("996") == 996
    assert recent.get("3") is None
    recent.drop("996")
    recent.drop("3")
    assert recent.get("996") is None


async def test_a_used_finding_stays_among_the_young(here: World) -> None:
    gate = Gate({"session": here.auth.sessions}, Copy(), here.clock, capacity=2)
    seen = gate._seen["session"]
    await here.by_cookie(started := await here.sign_in())
    found = here.auth._gate._seen["session"].get(value_of(started))
    assert found is not None
    seen.put("used", found)
    for number in range(50):
        seen.put(str(number), found)
        assert seen.get("used") is found


async def test_what_is_old_but_good_is_found_without_being_verified_again(here: World) -> None:
    session = (await here.sign_in()).session
    first, *others = [await here.auth.tokens.access(session) for _ in range(3)]
    gate = Gate({"token": here.auth.tokens}, here.auth.subjects._ledger.copy, here.clock, capacity=1)
    assert here.store.tail is not None
    gate.open(here.store.tail)
    found = gate.verify(first)
    for token in (*others[:1], first, first):
        assert gate.verify(token).subject == "ann"
    assert gate.verify(first) is found
    for token in others:
        gate.verify(token)
    assert gate.verify(first) is not found
