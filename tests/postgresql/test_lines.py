"""Connections that are kept: which of them are used again, and what becomes of questions when a store is closed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from admit.errors import StoreUnavailable
from admit.stores import postgres_lines
from admit.stores.postgres_lines import Lines
from admit.stores.postgres_statements import Connection
from admit.stores.postgres_url import parsed
from postgres import Engine

MANY = 20


@pytest.fixture
async def lines(engine: Engine) -> AsyncIterator[Lines]:
    found = Lines(parsed(engine.database().partition("://")[2] + "?connections=3"))
    yield found
    await found.close()


async def who(connection: Connection) -> int:
    """Which connection answers."""
    pid: int = await connection.fetchval("SELECT pg_backend_pid()")
    return pid


async def slow(connection: Connection) -> int:
    await connection.fetchval("SELECT pg_sleep(0.1)")
    return await who(connection)


async def test_a_connection_is_used_again_and_no_more_are_made_than_there_may_be(lines: Lines) -> None:
    assert await lines.ask(who) == await lines.ask(who)
    assert len(set(await asyncio.gather(*(lines.ask(slow) for _ in range(MANY))))) == 3


async def test_one_that_nobody_used_for_long_is_not_used_again(lines: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    first = await lines.ask(who)
    monkeypatch.setattr(postgres_lines, "IDLE", 0.0)
    assert await lines.ask(who) != first


async def test_one_that_was_left_within_a_transaction_is_not_used_again(lines: Lines) -> None:
    async def begin(connection: Connection) -> int:
        await connection.execute("BEGIN")
        return await who(connection)

    async def is_within(connection: Connection) -> bool:
        return connection.is_in_transaction()

    first = await lines.ask(begin)
    assert not await lines.ask(is_within)
    assert await lines.ask(who) != first


async def test_one_whose_question_was_given_up_is_not_used_again(lines: Lines) -> None:
    asked = asyncio.Event()
    pids: list[int] = []

    async def wait(connection: Connection) -> None:
        pids.append(await who(connection))
        asked.set()
        await connection.fetchval("SELECT pg_sleep(60)")

    asking = asyncio.create_task(lines.ask(wait))
    await asked.wait()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert await lines.ask(who) not in pids


async def test_who_is_being_answered_when_it_closes_has_his_answer_and_who_comes_later_is_told(lines: Lines) -> None:
    asking = [asyncio.create_task(lines.ask(slow)) for _ in range(3)]
    while len(lines._busy) < 3:  # noqa: ASYNC110 - who asks tells nobody
        await asyncio.sleep(0.001)
    closing = asyncio.create_task(lines.close())
    await asyncio.sleep(0)
    with pytest.raises(StoreUnavailable, match="not open"):
        await lines.ask(who)
    await closing
    assert all([await one for one in asking])
