"""Slows guessing down: counts tries before any work is done for them, for all processes of a store together."""

from __future__ import annotations

import hmac
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial

from admit.audit import Audit, Owner
from admit.core import known_device, secret
from admit.core.address import TrustedProxies
from admit.core.audit import Act
from admit.core.cookie import CookieRule
from admit.core.email import canonical
from admit.core.request import Request
from admit.core.secret import Master
from admit.core.throttle import Limits, ThrottlePolicy
from admit.errors import AdmitError, BadCredential, TooMany
from admit.ledger import Ledger
from admit.unsafe import NoThrottle

_PURPOSE = "throttle"
_KEY_BYTES = 16
_WRONG = "wrong_password"


Lines = Mapping[str, Limits]
"""Where somebody waits: the limits of each key that his try is counted under."""

Noted = Callable[[], Awaitable[None]]
"""Writes down in the audit log that somebody has to wait."""


class Throttle:
    """Lets a try begin, or raises TooMany at once: no password is hashed for whoever has to wait.

    Each verb is an ``async with`` around the try. If it fails as a guess does, it stays counted; if it succeeds,
    or fails for another reason, its own hits are given back. The failures of others stay, so an attacker's line
    does not become shorter when the owner signs in.
    """

    def __init__(
        self,
        ledger: Ledger,
        master: Master,
        audit: Audit,
        owner: Owner,
        policy: ThrottlePolicy | NoThrottle,
        proxies: TrustedProxies,
        cookies: CookieRule,
    ) -> None:
        self._ledger = ledger
        self._master = master
        self._audit = audit
        self._owner = owner
        self._policy = policy if isinstance(policy, ThrottlePolicy) else None
        self._proxies = proxies
        self._cookies = cookies

    @asynccontextmanager
    async def sign_in(self, request: Request, email: str) -> AsyncGenerator[str]:
        """Around a try to sign in to the account of ``email``, whether there is one or not.

        Gives the Set-Cookie line that makes the device known, to be handed out when the sign-in succeeds.
        Raises TooMany, BadInput.
        """
        email = canonical(email)
        await self._ledger.ready()
        account = self._key("account", email)
        now = self._ledger.clock.now()
        lines = self._lines(request, account, now)
        async with self._tried(lines, now, lambda: self._audit.kept_waiting(email, self._owner)):
            mark = known_device.marked(self._master, account, now, self._ledger.chance)
            yield self._cookies.line(mark, known_device.LIFE)
        await self._begin_anew({account, *lines}, now)

    @asynccontextmanager
    async def confirm(self, session: str) -> AsyncGenerator[None]:
        """Around a try to confirm, within ``session``, that one knows the present password. Raises TooMany."""
        await self._ledger.ready()
        limits = () if self._policy is None else self._policy.device
        lines = {self._key("session", session): limits}
        noted = partial(self._audit.refused, Act.PASSWORD_CHANGED, TooMany.code)
        async with self._tried(lines, self._ledger.clock.now(), noted):
            yield

    async def sign_up(self, request: Request) -> None:
        """Return if one more account may be asked for from there; each counts, whatever comes of it. Raises TooMany."""
        await self._ledger.ready()
        limits = () if self._policy is None else self._policy.sign_up
        key = self._key("sign-up", self._proxies.source(request))
        noted = partial(self._audit.refused, Act.SIGN_UP, TooMany.code)
        await self._count({key: limits}, self._ledger.clock.now(), noted)

    def _lines(self, request: Request, account: str, now: float) -> Lines:
        policy = self._policy
        if policy is None:
            return {}
        device = self._device(request, account, now)
        if device is not None:
            # Whatever others do to the account, or from the same address, this one has a line of its own.
            return {self._key("device", device): (*policy.device, policy.consecutive)}
        source = self._key("source", self._proxies.source(request))
        return {source: policy.source, account: (*policy.account, policy.consecutive)}

    def _device(self, request: Request, account: str, now: float) -> str | None:
        try:
            text = self._cookies.read(request.values(b"cookie"))
        except BadCredential:  # two of them: one was planted
            return None
        return None if text is None else known_device.known(self._master, account, text, now)

    @asynccontextmanager
    async def _tried(self, lines: Lines, now: float, refused: Noted) -> AsyncGenerator[None]:
        await self._count(lines, now, refused)
        try:
            yield
        except AdmitError as error:
            if not isinstance(error, BadCredential) and error.code != _WRONG:
                await self._give_back(lines, now)
            raise
        await self._give_back(lines, now)

    async def _count(self, lines: Lines, now: float, refused: Noted) -> None:
        for key, limits in lines.items():
            # The shortest first: what it refuses was no guess, and must not fill the longer ones.
            for limit in limits:
                there = await self._ledger.count(key, limit.window, now)
                if there > limit.hits:
                    if there == limit.hits + 1:  # who goes on waits in vain, and adds nothing to the audit log
                        await refused()
                    raise TooMany(f"more than {limit.hits} tries in {limit.window:g} s", retry_after=limit.rest(now))

    async def _give_back(self, lines: Lines, now: float) -> None:
        for key, limits in lines.items():
            for limit in limits:
                await self._ledger.count(key, limit.window, now, hits=-1)

    async def _begin_anew(self, keys: set[str], now: float) -> None:
        """Forget the failures in a row, and nothing else: how fast somebody else may guess does not change."""
        if self._policy is not None:
            window = self._policy.consecutive.window
            for key in keys:
                # What was there: what comes between the two stays.
                there = await self._ledger.count(key, window, now, hits=0)
                await self._ledger.count(key, window, now, hits=-there)

    def _key(self, kind: str, name: str) -> str:
        """What is counted under: who reads the counters learns nobody's address."""
        key = self._master.key(_PURPOSE)
        assert key is not None
        return f"{kind} {secret.written(hmac.digest(key, f'{kind} {name}'.encode(), 'sha256')[:_KEY_BYTES])}"
