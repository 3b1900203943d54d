"""Open connections: ``who.over()`` returns when the principal ends, and costs little however many wait."""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import pytest

from admit import watch
from admit.core.principal import Principal
from admit.errors import StoreUnavailable
from worlds import MINUTE, SHORT, World, authority, with_cookie, with_token, world

SOON = 60.0
"""Seconds after which a test gives up; what is waited for takes a twentieth of one, or more on a busy machine."""

Act = Callable[[World, Principal], Awaitable[object]]


async def admitted(here: World, subject: str = "ann") -> dict[str, Principal]:
    """One sign-in, by cookie and by token."""
    started = await here.sign_in(subject)
    token = await here.auth.tokens.access(started.session)
    return {"cookie": await here.by_cookie(started), "token": await here.by_token(token)}


async def waiting(*who: Principal) -> list[asyncio.Task[None]]:
    """Tasks that wait for each of ``who`` to be over, and have begun to."""
    tasks = [asyncio.create_task(one.over()) for one in who]
    await asyncio.sleep(2 * watch.LOOK_EVERY)
    return tasks


async def revoked(here: World, who: Principal) -> None:
    await here.auth.revoke(who)


async def signed_out_everywhere(here: World, who: Principal) -> None:
    await here.auth.sessions.sign_out_everywhere(who.subject)


async def roles_changed(here: World, who: Principal) -> None:
    await here.auth.subjects.change(who.subject, lambda held: held.with_roles(["admin"]))


async def restored(here: World, _: Principal) -> None:
    await here.auth.restore()


async def history_lost(here: World, _: Principal) -> None:
    here.auth._gate.fence("replaced")


async def long_ago(here: World, _: Principal) -> None:
    here.clock.advance(121 * MINUTE)


@pytest.mark.parametrize("end", [revoked, signed_out_everywhere, roles_changed, restored, history_lost, long_ago])
async def test_it_returns_when_the_principal_ends_and_not_before(end: Act) -> None:
    async with world("memory", sessions=SHORT) as here:
        principals = await admitted(here)
        bystander = (await admitted(here, "bob"))["cookie"]
        tasks = await waiting(*principals.values(), bystander)
        assert not any(task.done() for task in tasks)
        await end(here, principals["cookie"])
        everybody = end in (restored, history_lost, long_ago)
        await asyncio.wait_for(asyncio.gather(*(tasks if everybody else tasks[:2])), SOON)
        await asyncio.sleep(2 * watch.LOOK_EVERY)
        assert tasks[2].done() == everybody
        tasks[2].cancel()


async def test_what_another_process_ended_ends_the_wait(tmp_path: Path) -> None:
    async with world("sqlite", tmp_path) as here, authority(f"sqlite:///{tmp_path}/admit.db", here.clock) as other:
        principals = await admitted(here)
        tasks = await waiting(*principals.values())
        await other.revoke(principals["token"])
        await asyncio.wait_for(asyncio.gather(*tasks), SOON)


async def test_what_is_over_already_is_not_waited_for() -> None:
    async with world("memory") as here:
        principals = await admitted(here)
        [bystander] = await waiting((await admitted(here, "bob"))["cookie"])
        await here.auth.revoke(principals["cookie"])
        await asyncio.sleep(2 * watch.LOOK_EVERY)  # whoever waited then was judged
        await asyncio.wait_for(asyncio.gather(*(who.over() for who in principals.values())), SOON)
        assert not bystander.done()
        bystander.cancel()


async def test_a_token_ends_at_its_expiry_and_its_session_goes_on() -> None:
    async with world("memory", sessions=SHORT) as here:
        principals = await admitted(here)
        cookie, token = await waiting(*principals.values())
        here.clock.advance(10 * MINUTE + 6)
        await asyncio.wait_for(token, SOON)
        assert not cookie.done()
        here.clock.advance(23 * MINUTE)
        await asyncio.wait_for(cookie, SOON)


async def test_an_open_connection_is_no_activity_and_a_request_is() -> None:
    async with world("memory", sessions=SHORT) as here:
        started = await here.sign_in()
        who = await here.by_cookie(started)
        [task] = await waiting(who)
        here.clock.advance(20 * MINUTE)
        await here.by_cookie(started)
        here.clock.advance(20 * MINUTE)
        await asyncio.sleep(3 * watch.LOOK_EVERY)
        assert not task.done()
        here.clock.advance(14 * MINUTE)
        await asyncio.wait_for(task, SOON)
        assert not await here.works(with_cookie(started))


async def test_a_store_that_is_down_for_a_while_ends_nobody() -> None:
    async with world("memory", sessions=SHORT) as here:
        who = (await admitted(here))["cookie"]

        async def down() -> None:
            raise StoreUnavailable("down")

        here.store.before["get"] = down
        [task] = await waiting(who)
        assert not task.done()
        del here.store.before["get"]
        here.clock.advance(34 * MINUTE)
        await asyncio.wait_for(task, SOON)


async def test_many_wait_with_one_task_and_without_asking_the_store() -> None:
    async with world("memory") as here:
        principals = [(await admitted(here, f"user-{number}"))["token"] for number in range(20)]
        before = len(asyncio.all_tasks())
        tasks = await waiting(*principals * 60)
        assert len(asyncio.all_tasks()) == before + len(tasks) + 1
        here.store.asked.clear()
        await asyncio.sleep(4 * watch.LOOK_EVERY)
        assert sum(here.store.asked.values()) == 0
        await here.auth.revoke(principals[3])
        await asyncio.wait_for(asyncio.gather(*tasks[3::20]), SOON)
        await asyncio.sleep(2 * watch.LOOK_EVERY)
        assert [task.done() for task in tasks] == [place % 20 == 3 for place in range(len(tasks))]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)
        assert len(asyncio.all_tasks()) == before


async def test_a_fault_in_the_watch_reaches_those_who_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    async with world("memory") as here:
        who = (await admitted(here))["token"]
        [task] = await waiting(who)
        monkeypatch.setattr(here.auth._gate, "_moved", None)
        with pytest.raises(TypeError):
            await asyncio.wait_for(task, SOON)


async def test_being_watched_shows_nowhere() -> None:
    async with world("memory") as here:
        who = (await admitted(here))["token"]
        bare = msgspec.structs.replace(who)
        assert (who, hash(who), repr(who)) == (bare, hash(bare), repr(bare))
        assert msgspec.json.encode(who) == msgspec.json.encode(bare)
        assert "over" not in repr(msgspec.to_builtins(who))
        for copy in (bare, pickle.loads(pickle.dumps(who))):
            with pytest.raises(TypeError, match="nobody watches"):
                await copy.over()
        assert await here.works(with_token("x")) is False
