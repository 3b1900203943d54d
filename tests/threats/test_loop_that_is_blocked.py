"""Somebody blocks an event loop, the application's or the authority's, and what has ended is accepted meanwhile (TOK-06).

An application that computes for a minute on its loop would hear of nothing if the log were followed there; an
authority that hangs says nothing, and whoever takes silence for good news accepts for as long as it hangs.
"""

from __future__ import annotations

import json
import threading

import pytest

from admit import Verifier
from admit.errors import Revoked, Stale
from followed import asking, clock, liar, token, until, until_revoked, verifier
from liar import Liar

__all__ = ["clock", "liar", "verifier"]

SESSION = "7" * 22
END = json.dumps(["ended", 0, SESSION]).encode()


async def test_an_application_that_blocks_its_loop_hears_of_the_end_all_the_same(
    verifier: Verifier, liar: Liar
) -> None:
    text = token(liar, sid=SESSION)
    assert (await verifier.admit(asking(text))).subject == "ann"
    liar.entries.append(END)
    # No other task of this loop runs until it is known.
    until_revoked(verifier, text)
    with pytest.raises(Revoked):
        await verifier.admit(asking(text))


async def test_while_the_authority_hangs_nothing_is_accepted_for_longer_than_the_bound(
    verifier: Verifier, liar: Liar
) -> None:
    verifier.open()
    text = token(liar, sid=SESSION)
    verifier.verify(text)
    hanging = threading.Event()

    def hangs(liar: Liar, query: dict[str, str]) -> bytes | int:
        hanging.wait(60)
        return liar.log(query) if query else 503

    speaking = dict(liar.answers)
    liar.answers["/auth/revocations"] = hangs
    liar.answers["/auth/introspect"] = hangs
    liar.entries.append(END)
    until(lambda: not verifier.status().fresh)
    with pytest.raises(Stale):
        await verifier.admit(asking(text))
    liar.answers |= speaking
    hanging.set()
    accepted: list[str] = []

    def known() -> bool:
        try:
            accepted.append(verifier.verify(text).subject)
        except Revoked:
            return True
        except Stale:
            return False
        return False

    until(known)
    assert not accepted
