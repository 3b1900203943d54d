"""A revocation is lost between an authority and a service that follows its log, and what it ended opens doors for ever.

Answers are torn off, kept back until the position is not known any more, or overtaken; whoever follows may only go on
from where it was told everything (TOK-06).
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from admit import Verifier
from admit.errors import Revoked, Stale
from followed import clock, liar, token, until, until_accepted, until_revoked, verifier
from liar import Answer, Liar
from nearby import nearby

__all__ = ["clock", "liar", "verifier"]

FIRST, SECOND, THIRD = ("1" * 22, "2" * 22, "3" * 22)


def end(liar: Liar, *sessions: str) -> None:
    """Write the ends of sessions into the log, all at one moment."""
    liar.entries += [json.dumps(["ended", 0, session]).encode() for session in sessions]


def torn(liar: Liar, query: dict[str, str]) -> bytes:
    """An answer that ends after its first entry, as one does whose connection was lost."""
    return liar.log(query).partition(b"\n")[0] + b"\n"


def overtaken(liar: Liar, query: dict[str, str]) -> bytes:
    """The answer to another question, which was asked when there was more to tell."""
    return liar.log(query | {"after": str(len(liar.entries) - 1), "probe": "another"})


def forgotten(liar: Liar, query: dict[str, str]) -> bytes | int:
    """The position is not known any more; the log is, from its beginning."""
    return 410 if "after" in query else liar.log(query)


@pytest.mark.parametrize("way", [torn, overtaken, forgotten])
def test_whatever_happens_to_answers_nothing_is_lost_but_time(verifier: Verifier, liar: Liar, way: Answer) -> None:
    verifier.open()
    texts = [token(liar, sid=session) for session in (FIRST, SECOND, THIRD)]
    for text in texts:
        verifier.verify(text)
    whole, liar.answers["/auth/revocations"] = liar.answers["/auth/revocations"], way
    asked = liar.asked_for("revocations")
    end(liar, FIRST, SECOND, THIRD)
    until(lambda: liar.asked_for("revocations") > asked + 2)
    liar.answers["/auth/revocations"] = whole
    for text in texts:
        until_revoked(verifier, text)
    until_accepted(verifier, token(liar, sid="4" * 22))


def test_where_the_rest_never_comes_nothing_is_accepted(verifier: Verifier, liar: Liar) -> None:
    verifier.open()
    text = token(liar, sid=THIRD)
    verifier.verify(text)
    liar.answers["/auth/revocations"] = torn
    end(liar, FIRST, SECOND, THIRD)
    until(lambda: not verifier.status().fresh)
    with pytest.raises(Stale):
        verifier.verify(text)


def test_of_many_that_end_together_at_a_real_authority_every_one_arrives() -> None:
    with nearby() as here, here.verifier() as verifier:
        tokens = [here.token() for _ in range(12)]
        for text in tokens:
            until_accepted(verifier, text)
        with ThreadPoolExecutor(8) as together:
            list(together.map(here.sign_out, tokens[:8]))
        for text in tokens[:8]:
            until_revoked(verifier, text)
        for text in tokens[8:]:
            until_accepted(verifier, text)


def test_what_was_known_before_the_log_began_anew_stays_known(verifier: Verifier, liar: Liar) -> None:
    verifier.open()
    text = token(liar, sid=FIRST)
    end(liar, FIRST)
    until_revoked(verifier, text)
    began: list[Any] = []

    def another(liar: Liar, query: dict[str, str]) -> bytes | int:
        """A log in which it does not stand, at positions that are not those of the first."""
        if "after" in query and not began:
            return 410
        began.append(query)
        return json.dumps({"cursor": "1", "probe": query["probe"]}).encode() + b"\n"

    liar.answers["/auth/revocations"] = another
    until(lambda: len(began) > 2 and verifier.status().fresh)
    with pytest.raises(Revoked):
        verifier.verify(text)
