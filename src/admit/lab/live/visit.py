"""What one visitor of the live lab has: two lanes beside each other, and the acts that both of them see."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from admit.errors import BadInput
from admit.lab.live import shown, words
from admit.lab.live.choices import LIFETIME, SESSION, TOKENS, Choice
from admit.lab.live.copied import EVERY, Copied
from admit.lab.live.lane import OTHERS, SERVERS, Lane
from admit.lab.strategy import Strategy

ACTS_AT_MOST = 1_000
"""Acts of one visitor, before he has to start over: each may leave something in a store."""

_BEGIN_WITH = 3

_ACTS: dict[str, Callable[[Lane], Awaitable[None]]] = {
    "sign-in": Lane.sign_in,
    "request": Lane.request,
    "steal": Lane.steal,
    "sign-out": Lane.sign_out,
    "disable": Lane.disable,
}


class Visit:
    """The lab of one visitor; ``strategies`` are those that there are, ``lifetime`` that of access tokens (seconds)."""

    def __init__(self, strategies: Mapping[str, Strategy], lifetime: float = LIFETIME) -> None:
        self._strategies = strategies
        self._lifetime = lifetime
        self._lanes: list[Lane] = []
        self._servers = _BEGIN_WITH
        self._token = TOKENS[0]
        self._step = 0
        self._one_at_a_time = asyncio.Lock()
        self._over = False

    async def act(self, act: str, value: str) -> shown.Lab:
        """Do ``act``, and show what came of it. Raises BadInput."""
        async with self._one_at_a_time:
            if self._over:  # servers that were started now would be stopped by nobody
                raise BadInput("bad_request", "You were away for long: do that again.")
            if act == "start-over" or not self._lanes:
                await self._begin()
            if act in _ACTS:
                await self._both(_ACTS[act])
            elif act == "servers":
                await self._resize(value)
            elif act == "token":
                await self._choose(value)
            elif act not in {"look", "start-over"}:
                raise BadInput("bad_request", "There is no such act.")
            return self._shown()

    async def look(self) -> shown.Lab:
        """How it stands."""
        async with self._one_at_a_time:
            return self._shown()

    async def close(self) -> None:
        """Stop all of its servers, and start no other."""
        async with self._one_at_a_time:
            self._over = True
            await self._close()

    def _shown(self) -> shown.Lab:
        tokens = tuple(shown.Option(one.id, one.label) for one in TOKENS)
        lanes = tuple(map(_lane, self._lanes))
        return shown.Lab(self._step, self._servers, self._token.id, tokens, EVERY, lanes)

    async def _both(self, act: Callable[[Lane], Awaitable[None]]) -> None:
        if self._step >= ACTS_AT_MOST:
            raise BadInput("bad_request", "That is enough for one visit: start over.")
        self._step += 1
        for lane in self._lanes:
            await act(lane)

    async def _begin(self) -> None:
        await self._close()
        self._step = 0
        for choice in (SESSION, self._token):
            self._lanes.append(await self._opened(choice))

    async def _resize(self, value: str) -> None:
        if value not in map(str, range(1, SERVERS + 1)):
            raise BadInput("bad_request", f"There may be 1 to {SERVERS} app servers.", field="value")
        self._servers = int(value)
        for lane in self._lanes:
            await lane.resize(self._servers)

    async def _choose(self, value: str) -> None:
        found = [choice for choice in TOKENS if choice.id == value]
        if not found:
            raise BadInput("bad_request", "There is no such token lane.", field="value")
        self._token = found[0]
        was = self._lanes.pop()
        await was.close()
        self._lanes.append(await self._opened(self._token))

    async def _opened(self, choice: Choice) -> Lane:
        lane = Lane(choice, self._strategies[choice.strategy], self._lifetime)
        await lane.open(self._servers)
        return lane

    async def _close(self) -> None:
        while self._lanes:
            await self._lanes.pop().close()


def _lane(lane: Lane) -> shown.Lane:
    expires_in = lane.expires_in
    kept = {**lane.browser.jar, **lane.browser.memory}
    return shown.Lane(
        id="session" if lane.choice is SESSION else "token",
        title=lane.about.title,
        built=lane.about.built,
        standing="disabled" if lane.disabled else lane.standing,
        said=lane.said,
        browser=lane.choice.browser,
        store=lane.choice.store,
        app=lane.choice.app,
        kept=tuple(shown.Kept(name, value, len(value)) for name, value in kept.items()),
        claims={name: str(value) for name, value in lane.browser.claims.items()},
        lifetime=lane.lifetime,
        expires_in=None if expires_in is None else round(expires_in, 2),
        each=round(lane.each, 1),
        others=OTHERS,
        apps=tuple(
            shown.App(one.number, one.requests, one.operations, one.besides, one.status) for one in lane.servers
        ),
        verdict=words.verdict(lane.copied),
        copy=_copy(lane.copied, [one.number for one in lane.servers]) if lane.copied else None,
        messages=tuple(reversed(lane.messages)),
    )


def _copy(copied: Copied, servers: list[int]) -> shown.Copy:
    return shown.Copy(
        stolen=copied.stolen,
        running=not copied.over,
        age=round(copied.age, 2),
        ended=copied.ended,
        rows=tuple(
            shown.Row(number, tuple(shown.Run(run.since, run.until, run.said) for run in copied.runs.get(number, ())))
            for number in servers
        ),
    )
