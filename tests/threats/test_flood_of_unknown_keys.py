"""Tokens that name keys nobody has make a server open its keyring for each, or tell the sender that it looked (JWT-09, JWT-11).

A key that is not known may be a new one, so the keyring is read again. Who sends thousands of such tokens at once
must not have thousands of keys decrypted and checked, which takes 40 ms for RSA, on the thread that answers all others.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from admit.authority import Authority
from admit.core.keyring import Keyring
from admit.core.secret import written
from admit.errors import BadCredential
from admit.keys import REREAD_UNKNOWN
from admit.testing.clock import FakeClock
from doors import authority as served
from doors import bearer, door
from services import PassingClock
from worlds import authority, made, with_token

CROWD = 50


def naming(kid: str) -> str:
    """A token of the right form that names the key ``kid``."""
    header = {"alg": "ES256", "typ": "at+jwt", "kid": kid}
    return f"{written(json.dumps(header).encode())}.{written(b'{}')}.{written(bytes(64))}"


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A line for each time that a keyring was opened."""
    lines: list[str] = []
    unsealed = Keyring.unsealed

    def counted(*given: Any) -> Keyring:
        lines.append("opened")
        return unsealed(*given)

    monkeypatch.setattr(Keyring, "unsealed", counted)
    return lines


async def refused(auth: Authority, kid: str) -> None:
    with pytest.raises(BadCredential):
        await auth.admit(with_token(naming(kid)))


async def test_a_crowd_of_unknown_keys_opens_no_seal(opened: list[str]) -> None:
    store, clock = made("memory"), FakeClock()
    async with authority(store, clock) as auth, authority(store, clock) as other:
        for _ in range(3):
            clock.advance(REREAD_UNKNOWN)
            before = len(opened)
            await asyncio.gather(*(refused(auth, f"{number}") for number in range(CROWD)))
            assert opened[before:] == []
        clock.advance(600)
        await other.keys.rotate()
        before = len(opened)
        await asyncio.gather(*(refused(auth, f"{number}") for number in range(CROWD)))
        assert 0 < len(opened) - before < CROWD  # what is new in the store is read, and kept


async def test_a_keyring_that_was_read_when_the_clock_was_ahead_still_has_its_retiring_keys() -> None:
    clock = FakeClock()
    async with authority(made("memory"), clock) as auth:
        clock.advance(600)
        session = (await auth.sessions.start((await auth.subjects.before("ann")).proven("pwd"))).session
        token = await auth.tokens.access(session)
        await auth.keys.rotate()
        clock.step_wall(7_200)
        await auth.keys.reread()
        clock.step_wall(-7_200)
        await auth.keys.reread()
        assert (await auth.admit(with_token(token))).subject == "ann"


async def test_an_unknown_key_is_answered_like_a_wrong_signature() -> None:
    # Time passes while the keyring is read, as it does outside of tests.
    clock = PassingClock()
    async with door(served(clock=clock)) as here:
        real = (await here.tokens())["access_token"]
        forged = real[:-6] + "AAAAAA"
        for text in (naming("nobody's"), naming("nobody's"), naming("another")):
            clock.passes(REREAD_UNKNOWN)
            known = await here.browser().get("/api/me", headers=bearer({"access_token": forged}))
            unknown = await here.browser().get("/api/me", headers=bearer({"access_token": text}))
            assert known.status_code == unknown.status_code == 401
            assert known.content == unknown.content
            assert known.headers == unknown.headers
