"""API keys at a verifier: the authority is asked about one, which notes its use; its conditions are met here."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from admit import Request, Verifier
from admit.core.address import TrustedProxies
from admit.core.api_key import write_api_key
from admit.core.presented import API_KEY, BEARER
from admit.errors import BadCredential, Denied, LookUpNeeded, Revoked, StoreUnavailable, TooMany
from followed import AUDIENCE, KEY, clock, liar, until
from liar import Liar
from services import PassingClock

__all__ = ["clock", "liar"]

ID = "0" * 22
TEXT = write_api_key(ID, "s" * 43)
PROXIES = TrustedProxies.of(["10.0.0.0/8"])


@pytest.fixture
def verifier(liar: Liar, clock: PassingClock) -> Iterator[Verifier]:
    accept = [BEARER, API_KEY]
    with Verifier(liar.issuer, audience=AUDIENCE, key=KEY, clock=clock, accept=accept, proxies=PROXIES) as made:
        yield made


def answer(liar: Liar, clock: PassingClock, **more: Any) -> None:
    """Let the authority say of every key that it is the backup's."""
    said = {
        "active": True, "sub": "backup", "api_key": ID, "scope": "links:read", "roles": [], "amr": [],
        "exp": int(clock.now()) + 3_600, "gen": 5, "usable_for": 300.0,
    }  # fmt: skip
    liar.answers["/auth/introspect"] = lambda _, __: json.dumps(said | more).encode()


def showing(peer: str | None = None, *forwarded: str) -> Request:
    headers = tuple((b"x-forwarded-for", hop.encode()) for hop in forwarded)
    return Request("GET", f"{AUDIENCE}/links", ((b"x-api-key", TEXT.encode()), *headers), peer)


async def test_a_key_is_looked_up_once_by_who_heeds_its_conditions_and_is_then_known(
    verifier: Verifier, liar: Liar, clock: PassingClock
) -> None:
    answer(liar, clock)
    with pytest.raises(LookUpNeeded):
        verifier.verify(TEXT, API_KEY)
    who = await verifier.admit(showing())
    assert (who.subject, who.credential, who.session, who.gen) == ("backup", "api_key", None, 5)
    assert who.scope == {"links:read"}
    assert (who.authenticated_at, who.marks) == (0.0, ("", "", "", ID, ""))
    for _ in range(10):
        assert await verifier.admit(showing()) is verifier.verify(TEXT, API_KEY) is verifier.seen(TEXT, API_KEY) is who
    assert liar.sent == [f"token={TEXT}&conditions=heeded"]


async def test_what_the_log_ends_is_refused_warm_and_cold(verifier: Verifier, liar: Liar, clock: PassingClock) -> None:
    answer(liar, clock)
    await verifier.admit(showing())
    before = verifier.status().entries
    liar.entries.append(json.dumps(["ended", 3, ID]).encode())
    until(lambda: verifier.status().entries > before)
    asked = len(liar.sent)
    with pytest.raises(Revoked):
        await verifier.admit(showing())
    with pytest.raises(Revoked):
        verifier.verify(TEXT, API_KEY)
    cold = Verifier(liar.issuer, audience=AUDIENCE, key=KEY, clock=clock, accept=[API_KEY])
    with cold, pytest.raises(Revoked):
        await cold.admit(showing())
    assert len(liar.sent) == asked


async def test_a_key_is_used_from_its_networks_only(verifier: Verifier, liar: Liar, clock: PassingClock) -> None:
    answer(liar, clock, networks=["192.0.2.0/24"])
    assert (await verifier.admit(showing("192.0.2.1"))).subject == "backup"
    assert (await verifier.admit(showing("10.0.0.1", "192.0.2.1"))).subject == "backup"
    for elsewhere in (showing("198.51.100.1"), showing(), showing("10.0.0.1"), showing("198.51.100.1", "192.0.2.1")):
        with pytest.raises(BadCredential):
            await verifier.admit(elsewhere)
    assert verifier.seen(TEXT, API_KEY) is None
    with pytest.raises(LookUpNeeded):
        verifier.verify(TEXT, API_KEY)
    assert len(liar.sent) == 1


async def test_a_key_is_used_as_often_as_its_share_of_the_limit_says(
    verifier: Verifier, liar: Liar, clock: PassingClock
) -> None:
    answer(liar, clock, limit={"hits": 3, "window": 86_400.0})
    for used in range(3):
        who = await verifier.admit(showing())
        left = [door.left(who) for door in (verifier, verifier.within(0.5))]
        assert [one and one.uses for one in left] == [2 - used] * 2
    with pytest.raises(TooMany) as refused:
        await verifier.admit(showing())
    assert refused.value.quota == (3, 86_400.0)
    # Another route of it has no other share.
    with pytest.raises(TooMany):
        await verifier.within(0.5).admit(showing())


@pytest.mark.parametrize(
    "said",
    [
        {"api_key": "1" * 22}, {"api_key": ""}, {"sub": ""}, {"gen": -1}, {"sid": ID},
        {"networks": ["nowhere"]}, {"limit": {"hits": 0, "window": 60.0}},
    ],
)  # fmt: skip
async def test_an_answer_that_is_not_about_the_key_is_none(
    verifier: Verifier, liar: Liar, clock: PassingClock, said: dict[str, Any]
) -> None:
    answer(liar, clock, **said)
    with pytest.raises(StoreUnavailable):
        await verifier.admit(showing())


async def test_where_keys_do_not_count_none_is_asked_about(liar: Liar, clock: PassingClock) -> None:
    answer(liar, clock)
    by_bearer = Request("GET", AUDIENCE, ((b"authorization", f"Bearer {TEXT}".encode()),))
    with Verifier(liar.issuer, audience=AUDIENCE, key=KEY, clock=clock) as verifier:
        for request in (showing(), by_bearer):
            with pytest.raises(Denied):
                await verifier.admit(request)
    assert liar.sent == []
