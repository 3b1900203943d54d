"""Sessions by the million, as sign-ins leave them: a few people sign in, all others are copies with ids and digests anew."""

from __future__ import annotations

import asyncio
import itertools
import secrets
import time

from msgspec.structs import replace

from admit import Authority
from admit.api_keys import API_KEY, USUAL_LIFE, ApiKey
from admit.core import audit
from admit.core.ids import EVERYTHING, anchor, home_of, new_id, newest_first_id
from admit.core.session_cookie import Cookie
from admit.core.store import Insert, Record, Store
from admit.places import Places
from admit.sessions import SESSION, Session
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


BROWSERS = {
    "Firefox/Linux": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "Chrome/Windows": "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
}


async def fill_audit(store: Store, size: int) -> None:
    """Put ``size`` entries of the audit log into the store: each subject signs in twice, and out once."""
    written, who = list[Insert](), ""
    for number in range(size):
        who = who if number % EACH else subject()
        home, now = home_of(who), time.time()
        session = new_id(home, now, secrets.token_bytes)
        device, agent = [*BROWSERS.items()][number % len(BROWSERS)]
        entry = audit.Entry(
            at=now, act="sign_out" if number % EACH == 2 else "sign_in", id=newest_first_id(home, now, secrets.token_bytes),
            subject=who, what=session, actor=who, credential="session", credential_id=session,
            address=f"203.0.113.{number % 256}", device=device, agent=agent,
        )  # fmt: skip
        written.append(Insert(audit.record(entry, secrets.randbits(63), audit.DAYS)))
    await _put(store, written)


async def fill_api_keys(store: Store, size: int) -> None:
    """Put ``size`` API keys into the store, each of a subject of its own, for a part and from a network."""
    written: list[Insert] = []
    for _ in range(size):
        owner, now = subject(), time.time()
        key = ApiKey(
            id=new_id(home_of(owner), now, secrets.token_bytes), owner=owner, gen=int(now) << 20, name="nightly backup",
            created_at=now, expires_at=now + USUAL_LIFE, digest=secrets.token_bytes(16), used_at=now + 60,
            scope="links:read", networks=("192.0.2.0/24",),
        )  # fmt: skip
        tags = frozenset({anchor(owner)})
        record = Record(API_KEY.kind, key.id, API_KEY.encode(key), secrets.randbits(63), key.expires_at, tags)
        written.append(Insert(record))
    await _put(store, written)


async def _put(store: Store, written: list[Insert]) -> None:
    await store.open()
    for begin in range(0, len(written), _TOGETHER):
        await store.commit(*written[begin : begin + _TOGETHER])
    await store.close()
