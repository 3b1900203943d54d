"""Sessions by the million, as sign-ins leave them: a few people sign in, all others are copies with ids and digests anew."""

from __future__ import annotations

import asyncio
import itertools
import secrets
import time

from msgspec.structs import replace

from admit import Authority
from admit.core.ids import EVERYTHING, anchor, home_of, new_id
from admit.core.store import Insert, Record, Store
from admit.places import Places
from admit.sessions import SESSION, Cookie, Session
from busy import authority
from kept import DEVICE

EACH = 3
"""Sessions of a subject."""

_PEOPLE = 10  # who sign in
_TOGETHER = 250  # people whose records are one commit, of a thousand changes
_AT_ONCE = 4

Person = tuple[list[Session], Record]
"""The sessions of somebody, and the record of their places."""


def subject() -> str:
    """The id of an account."""
    return new_id(home_of(EVERYTHING), time.time(), secrets.token_bytes)


async def fill(store: Store, size: int, *, refreshed: bool = False) -> None:
    """Put about ``size`` sessions into the store, :data:`EACH` of a subject; each with a family that has rotated, or none.

    What a session takes depends on its times, its methods, its device and on how its subject is called. So it is by
    sign-ins that the first come to be, and their like are named as accounts are.
    """
    async with authority(store) as auth:
        people = [await _signed_in(auth, store, refreshed=refreshed) for _ in range(_PEOPLE)]
        others = itertools.islice(itertools.cycle(people), max(0, size // EACH - _PEOPLE))
        commits = iter(lambda: [*itertools.islice(others, _TOGETHER)], [])
        while some := [*itertools.islice(commits, _AT_ONCE)]:
            await asyncio.gather(*(store.commit(*(Insert(r) for one in like for r in _another(one))) for like in some))


async def _signed_in(auth: Authority, store: Store, *, refreshed: bool) -> Person:
    who, sessions = subject(), list[Record | None]()
    for _ in range(EACH):
        proof = (await auth.subjects.before(who)).proven("pwd", "otp")
        begun = await auth.sessions.start(proof, device=DEVICE)
        if refreshed:
            await auth.tokens.refresh((await auth.tokens.issue(begun.session)).refresh_token)
        sessions += await store.get(auth.sessions.key(begun.session.id))
    [place] = await store.get(Places.key(who))
    if place is None or None in sessions:
        raise RuntimeError("a session that was started is not there")
    return [SESSION.decode(record) for record in sessions if record], place


def _another(like: Person) -> list[Record]:
    sessions, place = like
    who = subject()
    kept = [Record(*Places.key(who), place.body, secrets.randbits(63), place.expires_at)]
    for session in sessions:
        new = replace(
            session,
            id=new_id(home_of(who), time.time(), secrets.token_bytes),
            subject=who,
            cookie=Cookie(1, secrets.token_bytes(16)),
            family=session.family
            and replace(session.family, current=secrets.token_bytes(16), previous=secrets.token_bytes(16)),
        )
        tags = frozenset({anchor(who)})
        kept.append(Record(SESSION.kind, new.id, SESSION.encode(new), secrets.randbits(63), new.ends_at, tags))
    return kept
