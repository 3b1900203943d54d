"""What was kept from before the end of a credential, in a proxy or in a service, brings it back (TOK-06).

A kept answer of the log would prove that nothing has ended; a slow answer about one credential would vouch for what
the log has ended meanwhile; and what a service remembers of a token that it saw would open the door again.
"""

from __future__ import annotations

import asyncio
import json

import pytest

from admit import Verifier
from admit.errors import Revoked, Stale
from followed import asking, clock, liar, token, until, until_revoked, verifier
from liar import Liar
from services import PassingClock

__all__ = ["clock", "liar", "verifier"]

SESSION = "7" * 22
END = json.dumps(["ended", 0, SESSION]).encode()


def test_an_answer_of_the_log_that_a_proxy_kept_proves_nothing(verifier: Verifier, liar: Liar) -> None:
    verifier.open()
    text = token(liar, sid=SESSION)
    verifier.verify(text)
    kept = liar.log({"after": "1", "probe": "of somebody who asked before"})
    liar.answers["/auth/revocations"] = lambda _, __: kept
    liar.entries.append(END)
    until(lambda: not verifier.status().fresh)
    with pytest.raises(Stale):
        verifier.verify(text)
    asked = liar.asked_for("revocations")
    until(lambda: liar.asked_for("revocations") > asked + 1)
    assert not verifier.status().fresh


def test_an_answer_that_was_held_back_is_as_old_as_its_question(
    verifier: Verifier, liar: Liar, clock: PassingClock
) -> None:
    verifier.open()
    text = token(liar, sid=SESSION)
    verifier.verify(text)
    held: list[str] = []

    def slow(liar: Liar, query: dict[str, str]) -> bytes:
        """The first is true when it is asked, and on its way for longer than anything may be accepted for."""
        answer = liar.log(query)
        if not held:
            liar.entries.append(END)
            clock.passes(2.1)
            held.append(query["probe"])
        return answer

    liar.answers["/auth/revocations"] = slow
    until(lambda: bool(held))
    with pytest.raises((Stale, Revoked)):
        verifier.verify(text)
    until_revoked_or_stale(verifier, text)


def until_revoked_or_stale(verifier: Verifier, text: str) -> None:
    """It is never accepted again, and in the end it is known to be over."""

    def over() -> bool:
        try:
            verifier.verify(text)
        except Revoked:
            return True
        except Stale:
            return False
        raise AssertionError("it was accepted again")

    until(over)


async def test_a_slow_answer_about_a_token_does_not_stand_against_the_log(verifier: Verifier, liar: Liar) -> None:
    verifier.open()
    text = token(liar, sid=SESSION)
    verifier.verify(text)
    speaking = liar.answers["/auth/revocations"]
    liar.answers["/auth/revocations"] = lambda _, __: 503
    await asyncio.to_thread(until, lambda: not verifier.status().fresh)

    def slow(liar: Liar, _: dict[str, str]) -> bytes:
        """“Active”, as was true when it was asked; until it is answered, the log comes by and tells the end."""
        liar.entries.append(END)
        liar.answers["/auth/revocations"] = speaking
        until_revoked(verifier, text)
        return b'{"active": true}'

    liar.answers["/auth/introspect"] = slow
    with pytest.raises((Revoked, Stale)):
        await verifier.admit(asking(text))
    await asyncio.to_thread(until_revoked, verifier, text)


def test_a_token_that_was_seen_a_thousand_times_is_refused_once_it_is_over(verifier: Verifier, liar: Liar) -> None:
    verifier.open()
    text = token(liar, sid=SESSION)
    for _ in range(1_000):
        verifier.verify(text)
    liar.entries.append(END)
    until_revoked(verifier, text)
    for _ in range(1_000):
        with pytest.raises(Revoked):
            verifier.verify(text)
