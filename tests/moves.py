"""What people hold when a store is moved, and what must be true of it behind the move."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable
from dataclasses import dataclass

from admit import moving
from admit.authority import Authority
from admit.core.address import NO_PROXIES
from admit.core.store import Store
from admit.errors import AdmitError, Denied
from admit.kept import KINDS
from admit.moving import Import
from admit.stores import beside
from admit.subjects import Subject
from admit.system import SystemClock, chance
from admit.trail import Trail
from processes.acts import EVERY, PASSWORD, Held, accepted, sign_in, sign_up

PATIENCE = 60.0
SECRET = b"a secret of the tests, and of no other use"


TRAIL = Trail(SystemClock(), chance, NO_PROXIES, 90.0)


async def exported(store: Store, accounts: Store | None = None) -> bytes:
    """The file of an export; the stores are opened for it."""
    file = io.BytesIO()
    both = beside.named(store, accounts, KINDS)
    await both.open()
    await moving.export(both, file.write, SystemClock(), "test", lambda _: None)
    return file.getvalue()


async def imported(file: bytes, store: Store, accounts: Store | None = None, *, goes_on: bool = True) -> None:
    """Fill an empty store with ``file``; it is open behind it."""
    checked = moving.check(lines(file))
    for one in (store, accounts or store):
        await one.open()
    filling = Import(store, accounts or store, SystemClock(), chance, TRAIL)
    await filling.begin(checked)
    await filling.fill(lines(file), lambda _: None)
    await filling.finish(checked, goes_on=goes_on)


def lines(file: bytes) -> list[bytes]:
    """The lines of a file."""
    return io.BytesIO(file).readlines()


@dataclass(frozen=True)
class People:
    """Who has what: ``kept`` goes on, ``revoked`` was ended; Bob was disabled, Carl deleted."""

    kept: Held
    revoked: Held
    rotated: str
    bob: Held
    carl: Held
    ticket: str
    spent: str
    verifier: str

    @classmethod
    async def arrive(cls, auth: Authority) -> People:
        """Let it all happen."""
        await sign_up(auth)
        kept, revoked = await sign_in(auth), await sign_in(auth)
        rotated = (await auth.tokens.refresh(kept.pair.refresh_token)).refresh_token
        for name in ("bob", "carl"):
            await sign_up(auth, f"{name}@example.com")
        bob, carl = [await sign_in(auth, f"{name}@example.com") for name in ("bob", "carl")]
        before = await auth.subjects.before(kept.session.subject)
        ticket, spent = [await auth.tickets.mint("reset", 600, before) for _ in range(2)]
        verifier = await auth.verifiers.create("reports", "https://reports.example.com")
        await auth.tickets.spend(spent, "reset")
        await auth.revoke(revoked.session)
        await auth.subjects.change(bob.session.subject, Subject.disabled)
        await auth.accounts.delete(carl.session.subject)
        return cls(kept, revoked, rotated, bob, carl, ticket, spent, verifier)

    async def go_on(self, auth: Authority) -> None:
        """What was good is good, what was over is over."""
        for held in (self.revoked, self.bob, self.carl):
            assert await accepted(auth, held) == []
        assert await accepted(auth, self.kept) == EVERY
        assert (await auth.tokens.refresh(self.rotated)).refresh_token
        assert (await auth.tickets.spend(self.ticket, "reset")).subject == self.kept.session.subject
        await self._ended(auth)

    async def begin_anew(self, auth: Authority) -> None:
        """Everybody is signed out, and whoever may signs in again."""
        for held in (self.kept, self.revoked, self.bob, self.carl):
            assert await accepted(auth, held) == []
        assert await refused(auth, self.ticket)
        await self._ended(auth)

    async def until(self, auth: Authority, noticed: Callable[[Subject | AdmitError], bool]) -> None:
        """Return once ``auth`` has ``noticed``, by what it says of nobody. Till then it does not admit ``kept``."""
        async with asyncio.timeout(PATIENCE):
            while True:
                for request in self.kept.requests().values():
                    try:
                        who = await auth.admit(request)
                    except AdmitError:
                        continue
                    raise AssertionError(f"{who} is admitted")
                try:
                    said: Subject | AdmitError = await auth.subjects.get("nobody")
                except AdmitError as error:
                    said = error
                if noticed(said):
                    return
                await asyncio.sleep(0.02)

    async def _ended(self, auth: Authority) -> None:
        assert await refused(auth, self.spent)
        assert (await auth.verifiers.admit(self.verifier)).name == "reports"
        assert await accepted(auth, await sign_in(auth)) == EVERY
        for name in ("bob", "carl"):
            try:
                await auth.accounts.sign_in(f"{name}@example.com", PASSWORD)
            except Denied:
                continue
            raise AssertionError(f"{name} may sign in")
        assert not (await auth.subjects.get(self.carl.session.subject)).active, "the name of a deleted account is free"


async def refused(auth: Authority, ticket: str) -> bool:
    """Whether nobody may spend ``ticket``."""
    try:
        await auth.tickets.spend(ticket, "reset")
    except Denied:
        return True
    return False
