"""The figures of a verifier and of an authority: by kind and by what it took, how old what was known was, and what it does now."""

from __future__ import annotations

import json

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.registry import Collector

from admit import Verifier
from admit.core.request import Request
from admit.errors import BadCredential, NoCredential, Stale
from admit.figures import AuthorityFigures, VerifierFigures
from followed import asking, clock, liar, token, until, verifier
from liar import Liar
from services import PassingClock
from worlds import with_token, world

__all__ = ["clock", "liar", "verifier"]


def figures(collector: Collector) -> dict[str, float]:
    """All figures, by the name and labels that are scraped."""
    registry = CollectorRegistry()
    registry.register(collector)
    lines = (line for line in generate_latest(registry).decode().splitlines() if not line.startswith("#"))
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


async def test_what_was_answered_is_counted_by_what_it_took_at_all_routes(verifier: Verifier, liar: Liar) -> None:
    verifier.open()
    text, strict = token(liar), verifier.within(1)
    verifier.verify(text)
    for _ in range(3):
        await verifier.admit(asking(text))
        verifier.seen(text, "token")
    strict.verify(text)
    for gate in (verifier, strict):
        with pytest.raises(BadCredential):
            gate.verify("no token")
    told = figures(VerifierFigures(verifier))
    assert told['admit_verifier_verifications_total{credential="token",path="verified"}'] == 1
    assert told['admit_verifier_verifications_total{credential="token",path="seen before"}'] == 7
    assert told['admit_verifier_verifications_total{credential="token",path="refused"}'] == 2
    assert told['admit_verifier_age_seconds_bucket{le="+Inf"}'] == 8
    assert told['admit_verifier_age_seconds_bucket{le="2.5"}'] == 8  # nothing that is older is accepted
    assert (told['admit_verifier_mode{mode="fresh"}'], told['admit_verifier_mode{mode="asking"}']) == (1, 0)


async def test_what_is_vouched_for_is_as_old_as_the_question(
    verifier: Verifier, liar: Liar, clock: PassingClock
) -> None:
    verifier.open()
    text = token(liar)
    liar.answers["/auth/revocations"] = lambda _, __: 503
    until(lambda: verifier.status().error is not None)
    clock.passes(61)

    def late(_: Liar, __: dict[str, str]) -> bytes:
        clock.passes(1.2)
        return b'{"active": true}'

    liar.answers["/auth/introspect"] = late
    await verifier.admit(asking(text))
    with pytest.raises(Stale):
        await verifier.within(1).admit(asking(text))
    told = figures(VerifierFigures(verifier))
    assert told['admit_verifier_verifications_total{credential="token",path="looked up"}'] == 1
    assert told['admit_verifier_verifications_total{credential="token",path="unanswered"}'] == 1
    buckets = [told[f'admit_verifier_age_seconds_bucket{{le="{edge}"}}'] for edge in ("1.0", "2.5", "+Inf")]
    assert buckets == [0, 1, 1]
    assert (told['admit_verifier_mode{mode="asking"}'], told["admit_verifier_lease_left_seconds"]) == (1, 0)
    assert told["admit_verifier_staleness_seconds"] > 60


def test_a_log_that_had_to_be_begun_anew_is_counted(verifier: Verifier, liar: Liar) -> None:
    verifier.open()
    speaking = liar.answers["/auth/revocations"]
    liar.entries.append(json.dumps(["ended", 0, "0" * 22]).encode())
    until(lambda: verifier.status().entries == 1)
    assert figures(VerifierFigures(verifier))["admit_verifier_restarts_total"] == 0
    liar.answers["/auth/revocations"] = lambda liar, query: 410 if "after" in query else speaking(liar, query)
    until(lambda: verifier.status().restarts > 0)
    told = figures(VerifierFigures(verifier))
    assert told["admit_verifier_restarts_total"] >= 1
    assert told["admit_verifier_entries"] == 1


async def test_what_an_authority_has_judged_is_told_in_the_registry_of_its_application() -> None:
    async with world("memory") as here:
        await here.by_cookie(await here.sign_in())
        with pytest.raises(NoCredential):
            await here.auth.admit(with_token("x"), accept=["session"])
        told = figures(AuthorityFigures(here.auth))
        assert told.pop('admit_verifications_total{credential="session",path="looked up"}') == 1
        assert told.pop('admit_verifications_total{credential="token",path="not accepted"}') == 1
        assert set(told.values()) == {0}  # from the beginning, each with its 0: the first of a kind is an increase


async def test_a_credential_of_a_kind_that_no_route_takes_is_counted_at_a_verifier_too(
    verifier: Verifier, liar: Liar
) -> None:
    verifier.open()
    cookie = Request("GET", "/", ((b"cookie", f"{verifier.cookies.name}=adm_s_x".encode()),))
    for gate in (verifier, verifier.within(1)):
        with pytest.raises(NoCredential):
            await gate.admit(cookie)
    with pytest.raises(NoCredential):
        await verifier.admit(asking(token(liar)), accept=["session"])
    told = {name: number for name, number in figures(VerifierFigures(verifier)).items() if "verifications" in name}
    assert told.pop('admit_verifier_verifications_total{credential="session",path="not accepted"}') == 2
    assert told.pop('admit_verifier_verifications_total{credential="token",path="not accepted"}') == 1
    assert set(told.values()) == {0}


async def test_a_registry_can_name_them_before_anything_was_counted(verifier: Verifier) -> None:
    async with world("memory") as here:
        for one in (VerifierFigures(verifier), AuthorityFigures(here.auth)):
            assert {figure.name for figure in one.describe()} == {figure.name for figure in one.collect()}
