"""The three credentials of Admit as the lab has them made and ended, and copied for everybody who is signed in at once."""

from __future__ import annotations

import secrets
import time
from typing import Protocol

from msgspec.structs import replace

from admit.api_keys import API_KEY, ApiKeys
from admit.authority import Authority
from admit.core import presented
from admit.core.api_key import parse_api_key
from admit.core.cookie import CookieRule
from admit.core.ids import anchor, home_of, new_id
from admit.core.secret import DIGEST_BYTES
from admit.core.session_cookie import Cookie, parse_cookie
from admit.core.store import Key, Record
from admit.lab import carried
from admit.lab.strategy import Held
from admit.places import Places
from admit.sessions import SESSION, Sessions
from admit.subjects import Proof, Subjects

SHORTEST_KEY = 60.0
"""Seconds that an API key lives at least."""

COOKIE_NAME = CookieRule(secure=True).name


class Way(Protocol):
    """A way of presenting a sign-in, or a key."""

    door: str
    header: str
    prefix: str  # of the header's value; what follows is the credential

    async def begin(self, auth: Authority, proof: Proof, seconds: float) -> Held:
        """The credential of somebody who has proven to be that, good for ``seconds`` if it is no sign-in's."""

    async def end(self, auth: Authority, held: Held) -> None:
        """End it, and all that its sign-in produced."""

    def kept(self, held: Held) -> tuple[Key, ...]:
        """The records that there are of it alone."""


class Cookies:
    """Session cookies."""

    door = presented.COOKIE
    header = "cookie"
    prefix = f"{COOKIE_NAME}="

    async def begin(self, auth: Authority, proof: Proof, seconds: float) -> Held:
        """Sign in."""
        del seconds
        line = (await auth.sessions.start(proof, device=carried.DEVICE)).cookie
        assert line is not None
        text = line.partition(";")[0].removeprefix(self.prefix)
        return Held(proof.subject, ("cookie", f"{self.prefix}{text}"), text)

    async def end(self, auth: Authority, held: Held) -> None:
        """Sign out."""
        await auth.sessions.revoke(parse_cookie(held.kept)[0], subject=held.subject)

    def kept(self, held: Held) -> tuple[Key, ...]:
        """The session, and the subject's places for sessions."""
        return Sessions.key(parse_cookie(held.kept)[0]), Places.key(held.subject)


class AccessTokens:
    """Access tokens, each with a refresh token."""

    door = presented.BEARER
    header = "authorization"
    prefix = "Bearer "

    async def begin(self, auth: Authority, proof: Proof, seconds: float) -> Held:
        """Sign in."""
        del seconds
        started = await auth.sessions.start(proof, cookie=False, device=carried.DEVICE)
        pair = await auth.tokens.issue(started.session)
        return self.held(proof.subject, pair.access_token, pair.refresh_token)

    async def end(self, auth: Authority, held: Held) -> None:
        """Sign out."""
        await auth.sessions.revoke(self._session(held), subject=held.subject)

    def kept(self, held: Held) -> tuple[Key, ...]:
        """The session, which keeps its family of refresh tokens, and the subject's places for sessions."""
        return Sessions.key(self._session(held)), Places.key(held.subject)

    @staticmethod
    def held(subject: str, access: str, refresh: str) -> Held:
        """Both tokens, as a client keeps them."""
        return Held(subject, carried.bearer(access), f"{access}\n{refresh}", refresh)

    @staticmethod
    def _session(held: Held) -> str:
        return (held.refresh or "..").split(".")[1]


class Keys:
    """API keys."""

    door = presented.API_KEY
    header = "authorization"
    prefix = "Bearer "

    async def begin(self, auth: Authority, proof: Proof, seconds: float) -> Held:
        """Make one."""
        created = await auth.api_keys.create(proof, "lab", life=max(seconds, SHORTEST_KEY))
        return Held(proof.subject, carried.bearer(created.text), created.text)

    async def end(self, auth: Authority, held: Held) -> None:
        """Revoke it."""
        await auth.api_keys.revoke(parse_api_key(held.kept)[0], owner=held.subject)

    def kept(self, held: Held) -> tuple[Key, ...]:
        """The key."""
        return (ApiKeys.key(parse_api_key(held.kept)[0]),)


def kept_of(way: Way, held: Held) -> tuple[Key, ...]:
    """All records that there are because somebody is signed in."""
    return (*way.kept(held), Subjects.key(held.subject))


def copied(record: Record, subject: str) -> Record:
    """``record`` as a sign-in of ``subject`` would have left it: with ids, times to come and digests of its own."""
    chance, home, version = secrets.token_bytes, home_of(subject), secrets.randbits(63)
    match record.kind:
        case SESSION.kind:
            was = SESSION.decode(record)
            session = replace(
                was,
                id=new_id(home, time.time(), chance),
                subject=subject,
                cookie=was.cookie and Cookie(1, chance(DIGEST_BYTES)),
                family=was.family and replace(was.family, current=chance(DIGEST_BYTES)),
            )
            body, tags = SESSION.encode(session), frozenset({anchor(subject)})
            return Record(record.kind, session.id, body, version, record.expires_at, tags)
        case API_KEY.kind:
            key = replace(
                API_KEY.decode(record),
                id=new_id(home, time.time(), chance),
                owner=subject,
                digest=chance(DIGEST_BYTES),
            )
            body, tags = API_KEY.encode(key), frozenset({anchor(subject)})
            return Record(record.kind, key.id, body, version, record.expires_at, tags)
        case _:
            return Record(record.kind, anchor(subject), record.body, version, record.expires_at)
