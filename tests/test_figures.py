"""The figures of a verifier: by what it took, how old what was known was, and what it does now."""

from __future__ import annotations

import json

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from admit import Verifier
from admit.errors import BadCredential, Stale
from admit.figures import VerifierFigures
from followed import asking, clock, liar, token, until, verifier
from liar import Liar
from services import PassingClock

__all__ = ["clock", "liar", "verifier"]


def figures(verifier: Verifier) -> dict[str, float]:
    """All figures, by the name and labels that are scraped."""
    registry = CollectorRegistry()
    registry.register(VerifierFigures(verifier))
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
    told = figures(verifier)
    assert told['admit_verifier_verifications_total{path="verified"}'] == 1
    assert told['admit_verifier_verifications_total{path="seen before"}'] == 7
    assert told['admit_verifier_verifications_total{path="refused"}'] == 2
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
    told = figures(verifier)
    assert told['admit_verifier_verifications_total{path="looked up"}'] == 1
    assert told['admit_verifier_verifications_total{path="unanswered"}'] == 1
    buckets = [told[f'admit_verifier_age_seconds_bucket{{le="{edge}"}}'] for edge in ("1.0", "2.5", "+Inf")]
    assert buckets == [0, 1, 1]
    assert (told['admit_verifier_mode{mode="asking"}'], told["admit_verifier_lease_left_seconds"]) == (1, 0)
    assert told["admit_verifier_staleness_seconds"] > 60


def test_a_log_that_had_to_be_begun_anew_is_counted(verifier: Verifier, liar: Liar) -> None:
    verifier.open()
    speaking = liar.answers["/auth/revocations"]
    liar.entries.append(json.dumps(["ended", 0, "0" * 22]).encode())
    until(lambda: verifier.status().entries == 1)
    assert figures(verifier)["admit_verifier_restarts_total"] == 0
    liar.answers["/auth/revocations"] = lambda liar, query: 410 if "after" in query else speaking(liar, query)
    until(lambda: verifier.status().restarts > 0)
    told = figures(verifier)
    assert told["admit_verifier_restarts_total"] >= 1
    assert told["admit_verifier_entries"] == 1


def test_a_registry_can_name_them_before_anything_was_counted(verifier: Verifier) -> None:
    assert {one.name for one in VerifierFigures(verifier).describe()} == {
        one.name for one in VerifierFigures(verifier).collect()
    }
