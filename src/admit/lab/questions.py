"""The five questions whose answers decide between sessions and tokens, and all the answers there are."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, fields
from itertools import product
from typing import Any, Literal, get_args

Clients = Literal["browsers", "apps", "machines"]
Within = Literal["at once", "seconds", "minutes", "expiry"]
Servers = Literal["one", "some", "many"]
Outsiders = Literal["no", "yes"]
Failure = Literal["either", "closed", "open"]

BOUNDS: dict[Within, float] = {"at once": 0.1, "seconds": 5.0, "minutes": 600.0, "expiry": math.inf}
"""Seconds from an end to the last acceptance that each answer allows."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What somebody answers."""

    clients: Clients
    within: Within
    servers: Servers
    outsiders: Outsiders
    failure: Failure

    @property
    def key(self) -> str:
        """All of it as one word."""
        return "|".join(getattr(self, one.name) for one in fields(self))


@dataclass(frozen=True, slots=True)
class Question:
    """One of the five: ``options`` has what can be answered, and how that reads."""

    name: str
    asks: str
    options: dict[str, str]


QUESTIONS = (
    Question(
        "clients",
        "Who are the clients?",
        {
            "browsers": "Browsers, on pages of one site",
            "apps": "Apps, command lines, or browsers among them",
            "machines": "Programs, with nobody at the keyboard",
        },
    ),
    Question(
        "within",
        "How fast must an end take effect?",
        {
            "at once": "At once: within 100 ms",
            "seconds": "Within 5 seconds",
            "minutes": "Within 10 minutes",
            "expiry": "When it expires, by the day",
        },
    ),
    Question(
        "servers",
        "How many application servers?",
        {"one": "One machine", "some": "Two to ten machines", "many": "More than ten"},
    ),
    Question(
        "outsiders",
        "Do third parties verify who is asking?",
        {"no": "No, our own services only", "yes": "Yes, services that must not sign anybody in"},
    ),
    Question(
        "failure",
        "What may happen while the store is down?",
        {
            "either": "Either will do",
            "closed": "People may have to try again, but an end takes effect as fast as ever",
            "open": "People get in, even if an end takes longer to take effect",
        },
    ),
)


def every_answer() -> Iterator[Answers]:
    """All combinations of answers, in the order of the questions."""
    options: list[tuple[Any, ...]] = [get_args(kind) for kind in (Clients, Within, Servers, Outsiders, Failure)]
    for chosen in product(*options):
        yield Answers(*chosen)


def one_apart(answers: Answers) -> Iterator[tuple[str, Answers]]:
    """All that differ from ``answers`` in one of the five, each with how that one reads."""
    for other in every_answer():
        differs = [one.name for one in fields(other) if getattr(other, one.name) != getattr(answers, one.name)]
        if len(differs) == 1:
            yield label(differs[0], getattr(other, differs[0])), other


def label(name: str, option: str) -> str:
    """How ``option`` of the question ``name`` reads."""
    return next(one.options[option] for one in QUESTIONS if one.name == name)


ORDINARY = Answers("browsers", "seconds", "one", "no", "either")
"""Whose advice is told before anything is answered."""
