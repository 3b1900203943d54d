"""Credentials as a verifier knows them: what proves itself by published keys, and what the authority says when asked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from admit.asking import Asking
from admit.core import jwt
from admit.core.api_key import parse_api_key
from admit.core.conditions import conditions
from admit.core.jose import UnknownKey
from admit.core.lease import Moment
from admit.core.log import Copy, Ended
from admit.core.principal import Ends, Marks, Principal
from admit.core.scope import parse
from admit.core.session_cookie import parse_cookie
from admit.core.verdict import MAX_LOOK_UP_USE, Seen
from admit.core.world import Clock
from admit.errors import AdmitError, BadInput, LookUpNeeded, Revoked, Stale, StoreUnavailable
from admit.gate import Credential
from admit.published import Published
from admit.remote import Introspection


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
        self,
        keys: Published,
        rules: jwt.Rules,
        asking: Asking[Introspection],
        copy: Copy,
        clock: Clock,
        wanted: Callable[[], None],
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
            sent, _ = await self._asking.vouched(text)
        except Revoked:
            # P4: an answer of the log that was sent before this one, and comes later, must not bring it back.
            ended = Ended(Ends.TOKEN, seen.principal.marks[Ends.TOKEN])
            self._copy.apply(ended, self._clock.now(), self._clock.lease())
            raise
        return seen, sent

    async def lasts(self, who: Principal, now: float) -> float:  # noqa: ARG002 - a token has its end written in it
        """When an access token expires (Unix seconds), leeway included."""
        return who.expires_at + self._rules.leeway

    def _unless_uncertain(self, unknown: UnknownKey) -> AdmitError:
        """``unknown``, or that it cannot be known: a key that could not be fetched is no reason to sign people out."""
        return unknown if self._keys.certain else Stale(f"the keys could not be read lately; {unknown}")


class LookedUp:
    """Session cookies, or API keys: a kind of credential that the authority is asked about, and the log ends.

    ``marks_of`` is what ends one, as its text says. It raises BadCredential for what is none.
    """

    looked_up = True

    def __init__(
        self, asking: Asking[Introspection], copy: Copy, clock: Clock, marks_of: Callable[[str], Marks]
    ) -> None:
        self._asking = asking
        self._copy = copy
        self._clock = clock
        self._marks_of = marks_of

    def verify(self, text: str, now: float) -> Seen:  # noqa: ARG002 - no time makes it prove itself
        """Never says yes: it proves nothing by itself. Raises BadCredential, Revoked, LookUpNeeded."""
        # What is known to be over needs no question, and is refused while nobody answers any.
        for ended, mark in zip(self._copy.ended, self._marks_of(text), strict=True):
            if mark in ended:
                raise Revoked(f"{mark} has ended")
        raise LookUpNeeded("a credential not seen before, which only the authority can tell")

    async def look_up(self, text: str, now: float) -> Seen:
        """What the authority knows of it, and notes as its use. Raises Denied, Stale, StoreUnavailable."""
        _, said = await self._asking.vouched(text)
        return self._seen(text, said, now)

    async def vouched(self, text: str) -> tuple[Seen, Moment]:
        """What the authority says of it, and when it was asked. Raises Denied, Stale, StoreUnavailable."""
        now = self._clock.now()
        sent, said = await self._asking.vouched(text)
        return self._seen(text, said, now), sent

    async def lasts(self, who: Principal, now: float) -> float:  # noqa: ARG002 - the authority said when
        """When it would end if nobody had used it since (Unix seconds): here nobody knows better."""
        return who.expires_at

    def _seen(self, text: str, said: Introspection, now: float) -> Seen:
        """What an answer about it says, to a question that was sent at ``now`` or later. Raises StoreUnavailable."""
        # Of what was asked about: what ends that must end this.
        marks = self._marks_of(text)
        session, key = marks[Ends.SESSION], marks[Ends.API_KEY]
        if (said.sid, said.api_key) != (session, key) or not said.sub or said.gen < 0:
            raise StoreUnavailable("an answer about a credential that does not say whose it is")
        try:
            met = conditions(said.networks, said.limit)
        except BadInput as fault:
            raise StoreUnavailable(f"an answer about a credential with conditions that are none: {fault}") from fault
        principal = Principal(
            subject=said.sub,
            credential="session" if session else "api_key",
            session=session or None,
            scope=parse(said.scope),
            roles=frozenset(said.roles),
            methods=said.amr,
            authenticated_at=said.auth_time,
            expires_at=said.exp,
            gen=said.gen,
            marks=marks,
            conditions=met,
        )
        return Seen(principal, now + min(said.usable_for, MAX_LOOK_UP_USE))


def marks_of_cookie(text: str) -> Marks:
    """What ends a session cookie. Raises BadCredential."""
    id, n, _ = parse_cookie(text)
    return id, f"{id}.{n}", "", "", ""


def marks_of_key(text: str) -> Marks:
    """What ends an API key. Raises BadCredential."""
    id, _ = parse_api_key(text)
    return "", "", "", id, ""
