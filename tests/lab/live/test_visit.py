"""What the live lab shows is what its servers do: who is refused, from when on, and what was asked of the store."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from admit.errors import BadInput
from admit.lab.live import visit as visits
from admit.lab.live.shown import Lab, Lane
from admit.lab.live.visit import Visit
from admit.lab.strategies import STRATEGIES

PATIENCE = 60.0
SIGNED = ("stateless", "hybrid")
AT_ONCE = ("blocklist", "leased")


@asynccontextmanager
async def visit(token: str, *, lifetime: float = 30.0, servers: int = 3) -> AsyncIterator[Visit]:
    here = Visit(STRATEGIES, lifetime)
    await here.act("token", token)
    await here.act("servers", str(servers))
    yield here
    await here.close()


async def after(here: Visit, *acts: str) -> tuple[Lane, Lane]:
    """The lane of the session and that of the token, after ``acts``."""
    shown: Lab | None = None
    for act in acts:
        shown = await here.act(act, "")
    assert shown is not None
    session, token = shown.lanes
    return session, token


async def settled(here: Visit) -> Lane:
    """The token lane, once it is clear what a copy was worth."""
    async with asyncio.timeout(PATIENCE):
        while True:
            _, token = await after(here, "look")
            if token.verdict is not None and token.verdict.settled:
                return token
            await asyncio.sleep(0.05)


def said(lane: Lane) -> list[str]:
    """What each server said to the copy last."""
    assert lane.copy is not None
    return [row.runs[-1].said for row in lane.copy.rows]


async def test_a_session_costs_an_operation_for_each_request_and_a_token_none() -> None:
    async with visit("stateless") as here:
        lanes = await after(here, "sign-in")
        assert ["wrote nothing down" in lane.said for lane in lanes] == [False, True]
        assert [lane.messages[0].operations for lane in lanes] == [1, 0]
        session, token = await after(here, *["request"] * 6)
    assert [(app.requests, app.operations) for app in session.apps] == [(2, 2)] * 3
    assert [(app.requests, app.operations) for app in token.apps] == [(2, 0)] * 3
    assert not any(app.besides for lane in (session, token) for app in lane.apps)
    assert (session.each > 0, token.each) == (True, 0)


@pytest.mark.parametrize("end", ["disable", "sign-out"])
@pytest.mark.parametrize("kind", [*SIGNED, *AT_ONCE])
async def test_after_an_end_the_thief_is_refused_where_somebody_looks(kind: str, end: str) -> None:
    async with visit(kind, lifetime=3_000) as here:
        session, token = await after(here, "sign-in", "steal")
        assert said(session) == said(token) == ["let in"] * 3
        session, token = await after(here, end)
        assert said(session) == ["refused"] * 3
        assert session.verdict is not None
        assert session.verdict.good
        assert said(token) == (["let in"] * 3 if kind in SIGNED else ["refused"] * 3)
        assert token.verdict is not None
        assert token.verdict.good is (kind in AT_ONCE)


async def test_ten_leased_servers_read_less_than_they_are_asked_and_refuse_all_the_same() -> None:
    async with visit("leased", servers=10) as here:
        _, token = await after(here, "sign-in", *["request"] * 50)
        assert sum(app.requests for app in token.apps) == 50
        assert sum(app.operations for app in token.apps) <= 10  # when each saw it first
        assert all(
            app.besides for app in token.apps
        )  # it has read the log when it was started, and is not silent on it
        _, token = await after(here, "steal", "disable")
    assert said(token) == ["refused"] * 10


async def test_what_was_signed_lets_the_thief_in_until_it_expires_and_not_later() -> None:
    async with visit("stateless", lifetime=4) as here:
        await after(here, "sign-in", "steal", "disable")
        token = await settled(here)
        assert said(token) == ["refused"] * 3
        assert token.verdict is not None
        assert not token.verdict.good
        assert token.expires_in is not None
        assert token.expires_in <= 0


async def test_the_hybrid_gets_another_access_token_when_one_has_expired() -> None:
    async with visit("hybrid", lifetime=3) as here:
        _, token = await after(here, "sign-in")
        first = {one.name: one.value for one in token.kept}
        await after(here, "steal")
        assert (await settled(here)).verdict.means.endswith("it had expired.")  # type: ignore[union-attr]
        _, token = await after(here, "request")
        assert token.messages[0].status == 200
        assert [message.status for message in token.messages if message.who.startswith("Ann")] == [200, 200, 401, 200]
        assert {one.name: one.value for one in token.kept}.items().isdisjoint(first.items())


async def test_who_was_disabled_gets_no_other_access_token() -> None:
    async with visit("blocklist") as here:
        _, token = await after(here, "sign-in", "disable", "request")
        assert [message.status for message in token.messages if message.who.startswith("Ann")] == [401, 401, 200]
        assert token.kept == ()
        assert "so was the refresh token" in token.said


async def test_who_is_disabled_cannot_sign_in_again_until_it_starts_over() -> None:
    async with visit("leased") as here:
        lanes = await after(here, "sign-in", "disable", "sign-in")
        assert {lane.messages[0].status for lane in lanes} == {403}
        assert {lane.standing for lane in lanes} == {"disabled"}
        lanes = await after(here, "start-over", "sign-in", "request")
        assert {lane.messages[0].status for lane in lanes} == {200}


async def test_each_act_says_something_where_there_is_nothing_to_do() -> None:
    async with visit("hybrid") as here:
        for act, words in {
            "request": "nothing to present",
            "steal": "nothing to steal",
            "sign-out": "nothing to end",
        }.items():
            assert {words in lane.said for lane in await after(here, act)} == {True}
        assert {"already" in lane.said for lane in await after(here, "sign-in", "sign-in")} == {True}
        assert {"already" in lane.said for lane in await after(here, "steal", "steal")} == {True}
        assert {"already" in lane.said for lane in await after(here, "disable", "disable")} == {True}


async def test_servers_that_were_put_away_come_back_and_others_take_part_at_once() -> None:
    async with visit("leased", servers=1) as here:
        await after(here, "sign-in", "steal")
        shown = await here.act("servers", "4")
        assert [app.number for lane in shown.lanes for app in lane.apps] == [1, 2, 3, 4] * 2
        _, token = await after(here, "disable")
        assert said(token) == ["refused"] * 4


@pytest.mark.parametrize("act, value", [("", ""), ("delete", ""), ("servers", "0"), ("servers", "11"), ("token", "x")])
async def test_what_is_no_act_is_refused(act: str, value: str) -> None:
    async with visit("stateless") as here:
        with pytest.raises(BadInput):
            await here.act(act, value)
        assert len((await here.look()).lanes) == 2


async def test_one_visit_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visits, "ACTS_AT_MOST", 2)
    async with visit("stateless") as here:
        await after(here, "sign-in", "request")
        with pytest.raises(BadInput, match="start over"):
            await after(here, "request")
        await after(here, "start-over", "sign-in")
