"""Routes of a verifier that ask for more: a smaller bound, or another policy while that cannot be kept."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from admit import Verifier
from admit.errors import ConfigError, Revoked, Stale
from followed import AUDIENCE, KEY, asking, clock, liar, token, until, until_revoked
from liar import Liar
from services import PassingClock

__all__ = ["clock", "liar"]

METADATA = "/auth/.well-known/oauth-authorization-server"


def allows(liar: Liar, seconds: float) -> None:
    """Let the authority allow so much staleness."""
    body = json.dumps(liar.metadata | {"max_staleness": seconds}).encode()
    liar.answers[METADATA] = lambda _, __: body


@pytest.fixture
def patient(liar: Liar, clock: PassingClock) -> Iterator[Verifier]:
    """A verifier that accepts what is known for up to a minute."""
    allows(liar, 60)
    with Verifier(liar.issuer, audience=AUDIENCE, key=KEY, clock=clock, max_staleness=60) as found:
        yield found


def log_fails(liar: Liar, verifier: Verifier) -> None:
    """The log cannot be followed any more."""
    liar.answers["/auth/revocations"] = lambda _, __: 503
    until(lambda: verifier.status().error is not None)


async def test_a_route_with_a_smaller_bound_stops_accepting_earlier(
    patient: Verifier, liar: Liar, clock: PassingClock
) -> None:
    strict, text = patient.within(5, outage="closed"), token(liar)
    assert strict.verify(text) == patient.verify(text) == await strict.admit(asking(text))
    assert strict.seen(text, "token") is not None
    log_fails(liar, patient)
    clock.passes(6)
    assert patient.verify(text).subject == "ann"
    assert strict.seen(text, "token") is None
    for ask in (lambda: strict.verify(text), lambda: strict.sync.admit(asking(text))):
        with pytest.raises(Stale):
            ask()
    with pytest.raises(Stale):
        await strict.admit(asking(text))
    assert not liar.sent


async def test_a_route_may_be_closed_where_the_others_ask_and_the_other_way_round(
    patient: Verifier, liar: Liar, clock: PassingClock
) -> None:
    text = token(liar)
    with Verifier(liar.issuer, audience=AUDIENCE, key=KEY, clock=clock, outage="closed") as closed:
        for verifier in (patient, closed):
            log_fails(liar, verifier)
        clock.passes(61)
        for door in (patient.within(outage="closed"), closed, patient.within(1, outage="closed")):
            with pytest.raises(Stale):
                await door.admit(asking(text))
        assert not liar.sent
        for door in (patient, closed.within(outage="ask"), patient.within(1)):
            assert (await door.admit(asking(text))).subject == "ann"
        assert len(liar.sent) == 3


async def test_an_answer_older_than_the_bound_of_the_route_is_none(
    patient: Verifier, liar: Liar, clock: PassingClock
) -> None:
    text = token(liar)
    log_fails(liar, patient)
    clock.passes(61)

    def late(_: Liar, __: dict[str, str]) -> bytes:
        clock.passes(6)
        return b'{"active": true}'

    liar.answers["/auth/introspect"] = late
    with pytest.raises(Stale):
        await patient.within(5).admit(asking(text))
    assert (await patient.admit(asking(text))).subject == "ann"


def test_what_was_found_at_one_route_is_known_at_all_and_what_ended_ended_at_all(patient: Verifier, liar: Liar) -> None:
    strict, text = patient.within(5), token(liar)
    who = patient.verify(text)
    assert strict.seen(text, "token") is who
    liar.entries.append(json.dumps(["ended", 0, "0" * 22]).encode())
    until_revoked(patient, text)
    assert strict.seen(text, "token") is None
    with pytest.raises(Revoked):
        strict.verify(text)


def test_a_key_that_is_not_published_any_more_is_forgotten_at_every_route(
    patient: Verifier, liar: Liar, clock: PassingClock
) -> None:
    strict, text = patient.within(5), token(liar)
    patient.verify(text)
    liar.keys.clear()
    clock.passes(301)
    until(lambda: not patient.status().keys)
    assert strict.seen(text, "token") is None


def test_a_route_cannot_ask_for_more_than_its_verifier_keeps(liar: Liar) -> None:
    verifier = Verifier(liar.issuer, audience=AUDIENCE, key=KEY, max_staleness=10)
    for seconds, outage in ((10.5, None), (60.5, None), (0.01, None), (float("nan"), None), (1, "open")):
        with pytest.raises(ConfigError):
            verifier.within(seconds, outage=outage)  # type: ignore[arg-type]
    with pytest.raises(ConfigError) as told:
        verifier.within(0, outage="open")  # type: ignore[arg-type]
    assert len(told.value.faults) == 2
    assert verifier.within(1) is verifier.within(1, outage="ask") is not verifier.within(1, outage="closed")


@pytest.mark.parametrize("when", ["before the authority said so", "after it"])
def test_what_the_authority_allows_counts_at_every_route(liar: Liar, when: str) -> None:
    allows(liar, 0.5)
    verifier = Verifier(liar.issuer, audience=AUDIENCE, key=KEY, max_staleness=10)
    early = verifier.within(5)
    with verifier:
        strict = early if when.startswith("before") else verifier.within(4)
        assert strict.bounded.bound == 0.5
        assert verifier.within(0.2).bounded.bound == 0.2


def test_news_is_waited_for_as_long_as_the_smallest_bound_allows(liar: Liar) -> None:
    """Whoever waits longer for news than a bound lasts proves too late that there was none."""
    waits: list[float] = []

    def log(liar: Liar, query: dict[str, str]) -> bytes:
        waits.append(float(query["wait"]))
        return liar.log(query)

    liar.answers["/auth/revocations"] = log
    with Verifier(liar.issuer, audience=AUDIENCE, key=KEY, max_staleness=10) as verifier:
        assert waits[0] == 2.5
        until(lambda: waits[-1] == 0.5)  # the authority allows two seconds
        verifier.within(0.2)
        until(lambda: waits[-1] == 0.05)
