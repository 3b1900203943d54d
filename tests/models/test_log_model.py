"""The revocation log over a network, explored: no order of what happens lets a verifier accept what was ended.

Each mutant takes one thing out that looks as if it could be left out, and the model shows what happens then.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import pytest

from admit.core.lease import Moment
from admit.core.log import Copy
from admit.core.store import Cursor, Page
from admit.follow import Follower
from counts import times
from explorer import Explored, explore
from models.network import Protocol, State, accepts, start, steps, what_is_wrong
from models.verifier import Parts

Note = Callable[[str, str], None]

FAULTS = frozenset({"failover", "restore", "trimming", "news", "restarts", "clocks"})

WORLDS = {
    "one revocation and every fault": Protocol(faults=FAULTS),
    "two revocations": Protocol(sessions=2, faults=frozenset({"failover", "restarts"})),
    "one revocation, tried again": Protocol(faults=frozenset({"failover", "trimming", "restarts", "retries"})),
}


class StampsAtReceipt(Follower):
    """Counts its age from when the answer came."""

    def _take(self, page: Page, after: Cursor | None, sent: Moment) -> None:
        super()._take(page, after, Moment.of(self._clock))


class TrustsEachPiece(Follower):
    """Takes any part of an answer for the whole of it."""

    def _take(self, page: Page, after: Cursor | None, sent: Moment) -> None:
        super()._take(page, after, sent)
        self._lease.prove(sent)


class InsistsOnItsPosition(Copy):
    """Asks again for what is behind a position that is not known."""

    def start_over(self) -> None:
        """Do not."""


ONE = Protocol()
TWO = Protocol(sessions=2)
UNSAFE = "P1 is broken"
LOST = "P3 is broken"
STUCK = "it does not work"

MUTANTS = {
    "freshness stamped at receipt": (replace(ONE, parts=Parts(1, follower=StampsAtReceipt)), UNSAFE),
    "freshness from a relayed heartbeat": (replace(ONE, reads_the_store=False), UNSAFE),
    "freshness from a piece of an answer": (replace(TWO, parts=Parts(1, follower=TrustsEachPiece)), UNSAFE),
    "an answer to another question": (replace(ONE, probes=False), UNSAFE),
    "applied is the highest seen": (replace(TWO, faults=frozenset({"news"}), news_moves_the_cursor=True), LOST),
    "sequence numbers without nonce": (replace(TWO, faults=frozenset({"failover"}), nonces=False), LOST),
    "revoke of what is gone returns at once": (
        replace(ONE, faults=frozenset({"failover"}), always_appends=False),
        LOST,
    ),
    "a backup put back without a new term": (
        replace(ONE, faults=frozenset({"restore"}), restore_raises_the_term=False),
        LOST,
    ),
    "a position that is lost is asked for again": (
        replace(ONE, faults=frozenset({"trimming"}), parts=Parts(1, copy=InsistsOnItsPosition)),
        STUCK,
    ),
}


@pytest.fixture(autouse=True)
def a_follower_that_does_not_say_what_it_suffers() -> Iterator[None]:
    log = logging.getLogger("admit.follow")
    log.setLevel(logging.ERROR)
    yield
    log.setLevel(logging.NOTSET)


def explored_by(protocol: Protocol) -> Explored[State]:
    return explore(start(protocol), partial(steps, protocol=protocol), partial(what_is_wrong, protocol=protocol))


@pytest.mark.parametrize("world", WORLDS, ids=str)
def test_whatever_fails_nothing_ended_is_accepted_later_than_s_and_all_heals_within_2_s(
    world: str, record_property: Note
) -> None:
    protocol = replace(WORLDS[world], parts=Parts(times("ticks of the bound in a model")))
    explored = explored_by(protocol)
    states = explored.holds()
    healed = explored.way_to(lambda state: state.failovers > 0 and accepts(state, protocol))
    assert healed, "a model in which nothing is ever accepted proves nothing"
    print(f"{world}, a live session is accepted after a failover:", *healed, sep="\n  ")
    record_property("note", f"{world}: {states}")


@pytest.mark.parametrize("mutant", MUTANTS, ids=str)
def test_a_mutant_of_the_log_is_refuted(mutant: str, record_property: Note) -> None:
    protocol, promise = MUTANTS[mutant]
    record_property("note", explored_by(protocol).refutes(mutant, promise))
