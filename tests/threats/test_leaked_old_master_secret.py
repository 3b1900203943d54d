"""A master secret that leaked, and was replaced, makes tokens for families that were begun under its successor (TOK-09).

The old one stays in the list, so that what was begun under it goes on. Whoever has it can write the check of a
refresh token for any session whose id he has seen, and so far that is all: he ends no session by playing a copied
token, and opens none.
"""

from __future__ import annotations

import pytest

from admit.core.refresh import Keys, RefreshToken
from admit.core.secret import Master, new_secret
from admit.errors import BadCredential, Replayed
from admit.system import chance
from admit.testing.clock import FakeClock
from worlds import SECRET, authority, made

LEAKED = b"leaked, and still in the list as well"


def forger() -> Keys:
    """What the thief derives."""
    master = Master([LEAKED])
    mac, chain = master.key("refresh mac"), master.key("refresh chain")
    assert mac is not None
    assert chain is not None
    return Keys(master.current, mac, chain)


@pytest.mark.parametrize("counter", [0, 1, 2, 3])
async def test_it_ends_no_family_of_the_new_one(counter: int) -> None:
    clock = FakeClock()
    async with authority(made("memory"), clock, secret=[SECRET, LEAKED]) as auth:
        session = (await auth.sessions.start((await auth.subjects.before("ann")).proven("pwd"))).session
        pair = await auth.tokens.issue(session)
        for _ in range(2):
            clock.advance(60)
            pair = await auth.tokens.refresh(pair.refresh_token)
        keys = forger()
        with pytest.raises(BadCredential) as refused:
            await auth.tokens.refresh(RefreshToken(keys.id, session.id, counter, new_secret(chance)).text(keys))
        assert not isinstance(refused.value, Replayed)
        assert (await auth.tokens.refresh(pair.refresh_token)).refresh_token
