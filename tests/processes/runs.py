"""A server in the middle of its work, for whoever takes its store away: what it may still say, and that it goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from admit.authority import Authority
from admit.errors import Stale, StoreUnavailable
from processes.acts import (
    PASSWORD,
    Act,
    Held,
    act,
    admit,
    change_password,
    refresh,
    revoke,
    sign_in,
    sign_out_everywhere,
    sign_up,
    spend,
    verify,
)

NO_ANSWER = {"StoreUnavailable", "LostHistory", "Stale"}
PATIENCE = 120.0


@dataclass(frozen=True)
class Run:
    """``warm`` has been seen by ``auth``, ``cold`` not yet, and ``revoked`` is over."""

    auth: Authority
    warm: Held
    cold: Held
    revoked: Held
    ticket: str

    def asking(self) -> list[Act]:
        """What cannot be answered without the store."""
        return [*self.writing(), act(admit, self.cold.requests()["cookie"]), act(refresh, self.cold.pair.refresh_token)]

    def writing(self) -> list[Act]:
        """What cannot be done without a commit."""
        return [
            act(refresh, self.warm.pair.refresh_token),
            act(spend, self.ticket, "reset"),
            act(sign_in),
            act(sign_up, "bob@example.com"),
            act(change_password, self.warm, PASSWORD, "another one, not shorter"),
            act(sign_out_everywhere, self.warm.session.subject),
            act(revoke, self.cold),
        ]

    async def nobody_is_told_a_lie(self) -> None:
        """Of what was seen before, yes may still be proven; a no would be wrong, and so would a yes to what is over."""
        for held, wrong in ((self.warm, "a live one refused"), (self.revoked, "a revoked one accepted")):
            for door, text in (("session", held.cookie), ("token", held.pair.access_token)):
                outcome = await act(verify, text, door).outcome(self.auth)
                right = "" if held is self.warm else "Revoked"
                assert outcome.error in {right, *NO_ANSWER}, wrong

    async def nobody_is_let_in(self, bound: float) -> None:
        """Return once the bound is over, and whoever was let in until then is told that there is no answer."""
        await self.nobody_is_told_a_lie()
        await asyncio.sleep(bound * 1.01)
        # By now it could have ended elsewhere.
        for door, text in (("session", self.warm.cookie), ("token", self.warm.pair.access_token)):
            assert (await act(verify, text, door).outcome(self.auth)).error == "Stale"
        await self.nobody_is_told_a_lie()

    async def nobody_is_answered(self) -> None:
        """Whoever asks, all at once, is told that there is no answer."""
        outcomes = await asyncio.gather(*(one.outcome(self.auth) for one in self.asking()))
        assert {outcome.error for outcome in outcomes} <= NO_ANSWER


async def begun(auth: Authority) -> Run:
    """A run of ``auth``, which is open and knows nobody yet."""
    await sign_up(auth)
    warm, cold, revoked = [await sign_in(auth) for _ in range(3)]
    for held in (warm, revoked):
        for request in held.requests().values():
            await auth.admit(request)
    await auth.revoke(revoked.session)
    auth.verify(warm.cookie, "session")
    return Run(auth, warm, cold, revoked, await auth.tickets.mint("reset", 600))


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Return once it holds."""
    async with asyncio.timeout(PATIENCE):
        while not await holds():  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.05)


async def answered(ask: Callable[[], Awaitable[object]]) -> None:
    """Return once a store, or an authority, answers again; nobody opens it anew."""

    async def answers() -> bool:
        try:
            await ask()
        except (Stale, StoreUnavailable):
            return False
        return True

    await until(answers)


async def well_again(auth: Authority) -> None:
    """Return once people sign in again; nobody starts it anew."""

    async def answers() -> bool:
        return (await act(sign_in).outcome(auth)).error not in NO_ANSWER

    await until(answers)
