"""A process that slept for days, while all was ended and the log was trimmed, admits what it knew before (TOK-06, TOK-08).

What most entries of the log end is over by itself after an hour, so a log may forget them after a day. That is not
so of a restore, which ends sessions that would live for a month, nor of a compromised key, which a process goes on
holding: whoever wakes up behind the trimmed part of the log has to be told of them all the same.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from admit.authority import Authority
from admit.core import jwt
from admit.core.ids import new_id
from admit.core.jwk import SigningKey
from admit.core.keyring import PUBLISHED_BEFORE_USE, RETIRES_FOR
from admit.core.session_policy import RELAXED
from admit.errors import BadCredential, CursorLost, Denied, LookUpNeeded, Revoked
from admit.sessions import Session
from admit.testing.clock import FakeClock
from worlds import ISSUER, WHOLE, authority, made, with_cookie, with_token

DAY = 86_400.0
DAYS = 4

Two = tuple[Authority, Authority, FakeClock]


@pytest.fixture(params=WHOLE)
async def two(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Two]:
    """One that goes on working, one that will sleep, and their clock."""
    clock, kind = FakeClock(), request.param
    working = made(kind, tmp_path)
    sleeping = made(kind, tmp_path) if kind == "sqlite" else working
    async with AsyncExitStack() as stack:
        awake = await stack.enter_async_context(authority(working, clock, sessions=RELAXED))
        asleep = await stack.enter_async_context(authority(sleeping, clock, sessions=RELAXED))
        yield awake, asleep, clock


async def life_goes_on(auth: Authority, clock: FakeClock, sleeper: Authority) -> None:
    """Days pass, people come and go, and the log is trimmed until the sleeper's place in it is gone."""
    place = sleeper._copy.cursor
    for _ in range(DAYS):
        clock.advance(DAY)
        proof = (await auth.subjects.before("bob")).proven("pwd")
        await auth.revoke((await auth.sessions.start(proof)).session)
        while await auth.purge():
            pass
    assert auth._ledger.store.tail is not None
    with pytest.raises(CursorLost):
        auth._ledger.store.tail.read(place)


async def forged(auth: Authority, session: Session, key: SigningKey) -> str:
    """What a thief signs with ``key``: an administrator's token, at the present time."""
    now = int(auth.clock.now())
    claims = jwt.AccessToken(
        iss=ISSUER,
        sub="ann",
        aud=ISSUER,
        exp=now + 600,
        iat=now,
        jti=new_id("0", now, auth._ledger.chance),
        client_id="first-party",
        scope="users:write",
        roles=("admin",),
        sid=session.id,
        gen=(await auth.subjects.get("ann")).gen,
        auth_time=now,
        amr=("pwd",),
    )
    return jwt.mint(claims, key)


async def test_a_session_from_before_a_restore_is_over_for_who_slept_through_it(two: Two) -> None:
    awake, asleep, clock = two
    started = await awake.sessions.start((await awake.subjects.before("ann")).proven("pwd"))
    pair = await awake.tokens.issue(started.session)
    ticket = await awake.tickets.mint("reset", DAYS * 2 * DAY, await awake.subjects.before("ann"))
    assert (await asleep.admit(with_cookie(started))).subject == "ann"
    await awake.restore()
    await life_goes_on(awake, clock, asleep)
    with pytest.raises(Revoked):
        await asleep.admit(with_cookie(started))
    with pytest.raises(Revoked):
        await asleep.tokens.refresh(pair.refresh_token)
    with pytest.raises(Revoked):
        await asleep.tickets.spend(ticket, "reset")
    assert await asleep.sessions.of("ann") == []


async def test_a_refresh_token_from_before_a_restore_is_the_first_thing_refused(two: Two) -> None:
    awake, asleep, clock = two
    started = await awake.sessions.start((await awake.subjects.before("ann")).proven("pwd"))
    pair = await awake.tokens.issue(started.session)
    await awake.restore()
    await life_goes_on(awake, clock, asleep)
    with pytest.raises(Denied):
        await asleep.tokens.refresh(pair.refresh_token)


async def test_a_compromised_key_signs_nothing_for_who_slept_through_its_end(two: Two) -> None:
    awake, asleep, clock = two
    stolen = await awake.keys.signing()
    session = (await awake.sessions.start((await awake.subjects.before("ann")).proven("pwd"))).session
    assert asleep.verify(await awake.tokens.access(session)).subject == "ann"
    await awake.keys.revoke(stolen.kid)
    await life_goes_on(awake, clock, asleep)
    with pytest.raises(BadCredential):
        asleep.verify(await forged(awake, session, stolen))


async def test_a_key_that_retired_long_ago_signs_nothing_for_who_only_verifies(two: Two) -> None:
    awake, asleep, clock = two
    stolen = await awake.keys.signing()
    session = (await awake.sessions.start((await awake.subjects.before("ann")).proven("pwd"))).session
    clock.advance(PUBLISHED_BEFORE_USE)
    await awake.keys.rotate()
    await asleep.keys.reread()
    clock.advance(RETIRES_FOR - 1)
    assert asleep.verify(await forged(awake, session, stolen)).subject == "ann"
    clock.advance(1)
    late = await forged(awake, session, stolen)
    with pytest.raises(LookUpNeeded):
        asleep.verify(late)
    with pytest.raises(BadCredential):
        await asleep.admit(with_token(late))
