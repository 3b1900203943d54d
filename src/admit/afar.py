"""Credentials as a verifier knows them: what proves itself by published keys, and what the authority says when asked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from admit.asking import Asking
from admit.core import jwt
from admit.core.jose import UnknownKey
from admit.core.lease import Moment
from admit.core.log import Copy, Ended
from admit.core.principal import Ends, Principal
from admit.core.verdict import Seen
from admit.core.world import Clock
from admit.errors import AdmitError, LookUpNeeded, Revoked, Stale
from admit.gate import Credential
from admit.published import Published


class FromAfar(Credential, Protocol):
    """A kind of credential that an authority elsewhere can be asked about."""

    async def vouched(self, text: str) -> tuple[Seen, Moment]:
        """What ``text`` is by the word of the authority, and when it was asked. Raises Denied, Stale."""


class Tokens:
    """Access tokens as a kind of credential that only the published keys speak for.

    ``wanted`` is called when somebody shows a token of a key that is not known.
    """

    looked_up = False

    def __init__(
        self, keys: Published, rules: jwt.Rules, asking: Asking, copy: Copy, clock: Clock, wanted: Callable[[], None]
    ) -> None:
        self._keys = keys
        self._rules = rules
        self._asking = asking
        self._copy = copy
        self._clock = clock
        self._wanted = wanted

    def verify(self, text: str, now: float) -> Seen:
        """What an access token proves by itself. Raises Denied; LookUpNeeded when it names a key not seen yet."""
        try:
            return jwt.proven(text, self._keys.verifying, self._rules, now)
        except UnknownKey as unknown:
            self._wanted()  # who never looked at the log has no keys either
            if self._keys.may_reread():
                raise LookUpNeeded(str(unknown)) from unknown
            raise self._unless_uncertain(unknown) from unknown

    async def look_up(self, text: str, now: float) -> Seen:
        """What an access token proves, once the keys were read again. Raises Denied, StoreUnavailable."""
        await asyncio.to_thread(self._keys.reread)
        try:
            return jwt.proven(text, self._keys.verifying, self._rules, now)
        except UnknownKey as unknown:
            raise self._unless_uncertain(unknown) from unknown

    async def vouched(self, text: str) -> tuple[Seen, Moment]:
        """What an access token proves, once the authority said that it is good. Raises Denied, Stale."""
        seen = self.verify(text, self._clock.now())
        try:
            return seen, await self._asking.vouched(text)
        except Revoked:
            # P4: an answer of the log that was sent before this one, and comes later, must not bring it back.
            ended = Ended(Ends.TOKEN, seen.principal.marks[Ends.TOKEN])
            self._copy.apply(ended, self._clock.now(), self._clock.lease())
            raise

    async def lasts(self, who: Principal, now: float) -> float:  # noqa: ARG002 - a token has its end written in it
        """When an access token expires (Unix seconds), leeway included."""
        return who.expires_at + self._rules.leeway

    def _unless_uncertain(self, unknown: UnknownKey) -> AdmitError:
        """``unknown``, or that it cannot be known: a key that could not be fetched is no reason to sign people out."""
        return unknown if self._keys.certain else Stale(f"the keys could not be read lately; {unknown}")
