"""One lane: a strategy with its sign-in server and its app servers, Ann's browser, and what happened so far."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections import deque

from admit.lab.live import words
from admit.lab.live.browser import Browser
from admit.lab.live.choices import SESSION_LIFETIME, Choice
from admit.lab.live.copied import Copied
from admit.lab.live.servers import FORBIDDEN, OK, UNAUTHORIZED, Answered, AppServer, SignInServer, credentials
from admit.lab.live.shown import Message
from admit.lab.strategy import Plan, Strategy

SERVERS = 10
"""As many application servers as a lane may have."""

OTHERS = 100
"""Other people who are signed in, so that there is something to measure the store by."""

_MESSAGES = 20

ANN, THIEF, COPY, ADMIN = "Ann’s browser", "The thief", "The lab’s copy", "An administrator"
_SIGN_IN = "the sign-in server"


class Lane:
    """What a visitor sees of ``choice``, whose access tokens live for ``lifetime`` seconds.

    Call :meth:`open` first, :meth:`close` at the end.
    """

    def __init__(self, choice: Choice, strategy: Strategy, lifetime: float) -> None:
        self.choice = choice
        self.lifetime = lifetime
        self.about = strategy.about
        self.browser = Browser()
        self.messages = deque[Message](maxlen=_MESSAGES)
        self.standing = "out"
        self.said = words.NOBODY
        self.each = 0.0
        self.copied: Copied | None = None
        self._strategy = strategy
        self._plan = Plan(
            self.about.id,
            f"memory://lab-{secrets.token_hex(8)}",
            secrets.token_bytes(32),
            access_seconds=lifetime,
            session_seconds=SESSION_LIFETIME,
        )
        self._opened: list[AppServer] = []
        self.servers: list[AppServer] = []
        self._sent = self._sign_ins = self._turn = 0
        self.disabled = False
        self._following: asyncio.Task[None] | None = None

    async def open(self, servers: int) -> None:
        """Start the sign-in server and ``servers`` application servers."""
        issuer = await self._strategy.issuer(self._plan)
        await issuer.load([f"somebody-{number}" for number in range(OTHERS)])
        self.each = await issuer.kept_bytes() / OTHERS
        self._sign_in_server = SignInServer(self.about, issuer, self.lifetime)
        await self.resize(servers)

    async def resize(self, servers: int) -> None:
        """Have ``servers`` application servers; those that are put away come back as they were."""
        while len(self._opened) < servers:
            server = await self._strategy.server(self._plan)
            self._opened.append(AppServer(len(self._opened) + 1, self.about, server))
        self.servers[:] = self._opened[:servers]

    async def close(self) -> None:
        """Stop all of them."""
        await self._unfollow()
        for server in self._opened:
            await server.close()
        await self._sign_in_server.close()

    @property
    def expires_in(self) -> float | None:
        """Seconds that the access token of the browser has left, if it has one."""
        expires = self.browser.claims.get("exp")
        return expires - time.time() if isinstance(expires, int | float) else None

    async def sign_in(self) -> None:
        """Ann signs in."""
        lost = (self.expires_in or 0.0) < 0 and "refresh_token" not in self.browser.memory
        if self.standing == "in" and not lost and not self.disabled:
            self.said = words.ALREADY_IN
            return
        answered = await self._sign_in_server.post("/sign-in", (), credentials())
        answer = answered.exchange
        self._note(ANN, _SIGN_IN, answered)
        if answer.status == FORBIDDEN:
            self.said = words.DISABLED
            return
        self.browser.take(answer)
        self._sign_ins += 1
        self.standing = "in"
        self.said = words.signed_in(self.browser.memory or self.browser.jar, written=self.each > 0)

    async def request(self) -> None:
        """Ann asks the next application server, as a load balancer would have it."""
        server = self.servers[self._turn % len(self.servers)]
        self._turn += 1
        answered = await self._get(server)
        refreshed = False
        if answered.exchange.status == UNAUTHORIZED and "refresh_token" in self.browser.memory:
            if not await self._refresh():
                self.standing, self.said = "refused", words.SIGN_IN_AGAIN
                return
            answered, refreshed = await self._get(server), True
        if not self.browser.headers:
            self.said = words.NOT_IN
            return
        self.standing = "refused" if answered.exchange.status == UNAUTHORIZED else "in"
        self.said = words.requested(server.number, answered, refreshed=refreshed)

    async def steal(self) -> None:
        """A thief copies what Ann presents, and uses it at each server until he is refused everywhere."""
        headers = self.browser.headers
        if not headers:
            self.said = words.NOTHING_TO_STEAL
            return
        if self.copied is not None and self.copied.stolen and self.copied.headers == headers and not self.copied.over:
            self.said = words.ALREADY_STOLEN
            return
        self.said = words.stolen(await self._copy(stolen=True))

    async def sign_out(self) -> None:
        """Ann signs out; what is left of her sign-in is watched."""
        headers = self.browser.headers
        if not headers:
            self.said = words.NOT_SIGNED_IN
            return
        refresh = self.browser.memory.get("refresh_token")
        body = json.dumps({"refresh_token": refresh}) if refresh else ""
        expires_in = self.expires_in
        answered = await self._sign_in_server.post("/sign-out", headers, body)
        await self._ended(answered, ANN, expires_in)
        self.browser.take(answered.exchange)
        self.browser.forget()
        self.standing = "out"

    async def disable(self) -> None:
        """An administrator disables Ann's account; her browser learns it when it asks next."""
        if self.disabled:
            self.said = words.ALREADY_DISABLED
            return
        self.disabled = True
        await self._ended(await self._sign_in_server.post("/people/ann/disable"), ADMIN, self.expires_in)

    async def _ended(self, answered: Answered, who: str, expires_in: float | None) -> None:
        copied = self.copied
        live = copied is not None and copied.refused is None and copied.sign_in == self._sign_ins
        if copied is not None and live:
            copied.end()
        self._note(who, _SIGN_IN, answered)
        if copied is not None and live:
            await copied.use(self.servers)
            await self._follow(copied)
        elif self.browser.headers:
            await self._copy(stolen=False, ended=True)
        else:
            self.said = words.DISABLED_UNSEEN
            return
        self.said = words.ended(self.choice.ended, expires_in)

    async def _copy(self, *, stolen: bool, ended: bool = False) -> Copied:
        self.copied = copied = Copied(self.browser.headers, self._sign_ins, stolen, self._note_copy)
        if ended:
            copied.end()
        await copied.use(self.servers)
        await self._follow(copied)
        return copied

    async def _follow(self, copied: Copied) -> None:
        await self._unfollow()
        self._following = asyncio.create_task(copied.follow(self.servers))

    async def _unfollow(self) -> None:
        if self._following is not None:
            self._following.cancel()
            await asyncio.wait([self._following])

    async def _get(self, server: AppServer) -> Answered:
        answered = await server.get(self.browser.headers)
        self._note(ANN, f"app server {server.number}", answered)
        return answered

    async def _refresh(self) -> bool:
        body = json.dumps({"refresh_token": self.browser.memory["refresh_token"]})
        answered = await self._sign_in_server.post("/refresh", (), body)
        self._note(ANN, _SIGN_IN, answered)
        if answered.exchange.status != OK:
            self.browser.forget()
            return False
        self.browser.take(answered.exchange)
        return True

    def _note_copy(self, server: AppServer, answered: Answered, stolen: bool) -> None:
        self._note(THIEF if stolen else COPY, f"app server {server.number}", answered)

    def _note(self, who: str, to: str, answered: Answered) -> None:
        self._sent += 1
        answer = answered.exchange
        counted = (answered.operations, answered.round_trips, answered.microseconds)
        self.messages.append(Message(self._sent, who, to, answer.request, answer.status, answer.answer, *counted))
