"""A server in the middle of its work, for whoever takes its store away: what it may still say, and what not."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from admit.authority import Authority
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
